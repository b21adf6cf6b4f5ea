// Every address that is called is made here from CVAT_URL: the server's own absolute URLs follow the Host header, and
// behind a proxy they name origins that do not exist or must not see the credentials.

import { BackupError } from '#shared/errors/backup-error.ts'

export interface ServerUrl {
  /** `https://cvat.example.com:8443` */
  readonly origin: string
  /** `` or `/cvat`, without a slash at its end. */
  readonly basePath: string
}

export type Query = Readonly<Record<string, string | number>>

/** @throws BackupError `bad-url` for anything but a plain http or https address; never repeats a password in it. */
export function parseServerUrl(text: string): ServerUrl {
  const url = URL.parse(text.trim())
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw badUrl('CVAT_URL is not an address.', 'Write it like https://cvat.example.com or https://host/cvat.')
  }
  if (url.username !== '' || url.password !== '') {
    throw badUrl('CVAT_URL holds credentials.', 'Set CVAT_ACCESS_TOKEN, or CVAT_USERNAME and CVAT_PASSWORD, instead.')
  }
  if (url.search !== '' || url.hash !== '') {
    throw badUrl('CVAT_URL holds a query or a fragment.', 'Leave out everything from the ? or # on.')
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') }
}

/** The request target of an API path (`/api/…`, already encoded): base path in front, query behind. */
export function apiTarget(server: ServerUrl, path: string, query: Query = {}): string {
  const pairs = Object.entries(query).map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
  return `${server.basePath}${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
}

/**
 * The API path and query of a `result_url`, whatever origin it names, to be called on CVAT_URL.
 * A proxy may or may not have put the base path into it.
 *
 * @throws BackupError `unexpected-answer` for anything that is not a path below `/api/`
 */
export function resultTarget(server: ServerUrl, resultUrl: string): string {
  const url = URL.parse(resultUrl, server.origin)
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  // Dots are resolved by the parser, slashes hidden in escapes are not: a server may still take them for slashes.
  if (url && isHttp && !/%2f|%5c/i.test(url.pathname)) {
    const path = url.pathname.startsWith(`${server.basePath}/api/`)
      ? url.pathname.slice(server.basePath.length)
      : url.pathname
    if (path.startsWith('/api/')) return `${server.basePath}${path}${url.search}`
  }
  throw new BackupError('CVAT named a result_url that is not a path below /api/; it is not followed.', {
    code: 'unexpected-answer',
    retryable: false,
    hint: 'Look at the request in CVAT: a result outside of CVAT (cloud storage) cannot be fetched.',
  })
}

function badUrl(message: string, hint: string): BackupError {
  return new BackupError(message, { code: 'bad-url', retryable: false, hint })
}
