// Settings of the connection to the CVAT server.

import type { CvatCredentials } from '#shared/cvat/client-options.ts'
import type { ConfigurationFault } from './configuration-error.ts'
import { readCertificates } from './pem-files.ts'
import { defineGroup, type GroupState, type Settings, type ValuesOf } from './setting.ts'
import { InvalidValue, line, valueSchema } from './value-schemas.ts'

const settings = {
  url: {
    name: 'CVAT_URL',
    schema: valueSchema('an http or https address, with a base path if need be', parseServerUrl),
    required: true,
    description: 'Address of the CVAT server, as in a browser. Without login, query or fragment.',
    example: 'https://cvat.example.com',
    mask: (text) => text.replace(/^.*@/s, '***@').replace(/([?#]).*$/s, '$1***'),
  },
  username: {
    name: 'CVAT_USERNAME',
    schema: line({ accepts: 'a user name', pattern: /^[^\r\n]+$/ }),
    description:
      'User whose projects and tasks are backed up. Needs CVAT_PASSWORD; not used when CVAT_ACCESS_TOKEN is set.',
    example: 'backup',
    whenUnset: 'CVAT_ACCESS_TOKEN is needed',
  },
  password: {
    name: 'CVAT_PASSWORD',
    schema: valueSchema('a password', (text) => text),
    description: 'Password of CVAT_USERNAME.',
    secret: true,
    whenUnset: 'CVAT_ACCESS_TOKEN is needed',
  },
  accessToken: {
    name: 'CVAT_ACCESS_TOKEN',
    schema: line({ accepts: 'a token without spaces or line breaks', pattern: /^[\x21-\x7e]+$/ }),
    description:
      'Personal access token (recent CVAT versions have them); a read-only one is enough for backups. Takes precedence over name and password.',
    secret: true,
    whenUnset: 'CVAT_USERNAME and CVAT_PASSWORD are needed',
  },
  organization: {
    name: 'CVAT_ORGANIZATION',
    schema: line({ accepts: 'the short name (slug) of an organization', pattern: /^[-a-zA-Z0-9_]{1,16}$/ }),
    description: 'Back up only what belongs to this organization.',
    example: 'robotics',
    whenUnset: 'all that the user may see, personal and of every organization',
  },
  caFile: {
    name: 'CVAT_CA_FILE',
    schema: valueSchema('the path of a PEM file with one certificate or more', readCertificates),
    description: 'Certificates to trust besides the well-known ones, for a server behind a private authority.',
    example: '/etc/ssl/private-ca.pem',
    whenUnset: 'the authorities that Node.js trusts',
  },
} as const satisfies Settings

export const cvatSettings = defineGroup({
  title: 'CVAT server',
  introduction: 'A login is needed: either CVAT_ACCESS_TOKEN, or CVAT_USERNAME with CVAT_PASSWORD.',
  settings,
  check: checkLogin,
  derivedSecrets: ({ username, password }) =>
    username && password ? [Buffer.from(`${username}:${password}`).toString('base64')] : [],
})

export type CvatSettings = ValuesOf<typeof settings>

/** The login that the settings ask for; loading has made sure that there is one. A token takes precedence. */
export function cvatCredentials({ username, password, accessToken }: CvatSettings): CvatCredentials {
  if (accessToken !== undefined) return { accessToken }
  if (username !== undefined && password !== undefined) return { username, password }
  throw new TypeError('No login: these settings were not loaded together with their check.')
}

function checkLogin({ given }: GroupState<typeof settings>): ConfigurationFault[] {
  if (given.has('accessToken') || (given.has('username') && given.has('password'))) return []
  if (given.has('username')) {
    return [{ name: 'CVAT_PASSWORD', problem: 'is not set, but CVAT_USERNAME is', fix: 'Set it or CVAT_PASSWORD_FILE' }]
  }
  if (given.has('password')) {
    return [{ name: 'CVAT_USERNAME', problem: 'is not set, but CVAT_PASSWORD is', fix: 'Set it' }]
  }
  const fix = 'Set CVAT_ACCESS_TOKEN, or CVAT_USERNAME and CVAT_PASSWORD'
  return [{ name: 'CVAT_ACCESS_TOKEN', problem: 'is not set, nor are CVAT_USERNAME and CVAT_PASSWORD: no login', fix }]
}

/** Origin and base path without a slash at the end, so that `${url}/api/…` is right. */
export function parseServerUrl(text: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (!url) throw new InvalidValue('is not an http or https address')
  if (url.username || url.password || text.includes('@')) {
    throw new InvalidValue('holds a login', 'Move name and password to CVAT_USERNAME and CVAT_PASSWORD')
  }
  if (text.includes('?') || text.includes('#')) {
    throw new InvalidValue('has a query or a fragment', 'Leave out everything from the `?` or `#` on')
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}
