// Where a redirect may lead, and with what. CVAT itself redirects none of these calls; proxies, login portals and storages do.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { ServerUrl } from './server-url.ts'
import type { HttpMethod } from './transport.ts'

export interface RedirectAnswer {
  readonly call: string
  readonly status: number
  readonly location: string | undefined
  /** Where the answer came from. */
  readonly from: URL
  readonly method: HttpMethod
  readonly purpose: 'api' | 'download'
}

/**
 * The address to go to. API calls stay on CVAT_URL's origin; a download may be sent elsewhere (to a storage), where it
 * goes without credentials, and never from https to http. What changes something keeps its method or is refused.
 *
 * @throws BackupError `redirect-refused`
 */
export function resolveRedirect(server: ServerUrl, answer: RedirectAnswer): URL {
  const { call, status, from, purpose } = answer
  const to = answer.location === undefined ? null : URL.parse(answer.location, from.href)
  if (!to || (to.protocol !== 'http:' && to.protocol !== 'https:')) {
    throw refuse(`${call}: ${status} without an address to go to`, 'Look at the proxy in front of CVAT.')
  }
  if (isUpgrade(server, to)) {
    throw refuse(`${call}: redirected from http to https`, `Set CVAT_URL to ${to.origin}${server.basePath}.`)
  }
  if (to.origin !== server.origin && purpose === 'api') {
    throw refuse(
      `${call}: redirected to another origin, ${to.origin}`,
      'CVAT_URL must be the address CVAT itself answers at; a login portal in front of it has to let the API pass.',
    )
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw refuse(
      `${call}: redirected from https to http, ${to.origin}`,
      'A backup is not fetched unencrypted from there.',
    )
  }
  if (answer.method !== 'GET' && answer.method !== 'HEAD' && status !== 307 && status !== 308) {
    throw refuse(
      `${call}: ${status} instead of an answer`,
      'Set CVAT_URL to the address that CVAT answers at directly.',
    )
  }
  to.username = ''
  to.password = ''
  return to
}

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

export function tooManyRedirects(call: string): BackupError {
  return refuse(`${call}: redirected in circles`, 'Look at the proxy in front of CVAT, and at CVAT_URL.')
}

/** Not followed: every call, and with it the credentials, would go over http first. */
function isUpgrade(server: ServerUrl, to: URL): boolean {
  const base = new URL(server.origin)
  return base.protocol === 'http:' && to.protocol === 'https:' && base.hostname === to.hostname
}

function refuse(message: string, hint: string): BackupError {
  return new BackupError(message, { code: 'redirect-refused', retryable: false, hint })
}
