// Settings of restores: which server is restored to, and how.

import type { CvatCredentials } from '#shared/cvat/client-options.ts'
import type { ConfigurationFault } from './configuration-error.ts'
import { type CvatSettings, cvatCredentials, parseServerUrl } from './cvat.ts'
import { readCertificates } from './pem-files.ts'
import { defineGroup, type GroupState, type Settings, type ValuesOf } from './setting.ts'
import { duration, line, size, valueSchema, wholeNumber } from './value-schemas.ts'

const settings = {
  url: {
    name: 'CVAT_RESTORE_URL',
    schema: valueSchema('an http or https address, with a base path if need be', parseServerUrl),
    description: 'Address of the CVAT server that is restored to. The option --to takes precedence.',
    example: 'https://new-cvat.example.com',
    whenUnset: 'CVAT_URL, with its login',
    mask: (text) => text.replace(/^.*@/s, '***@').replace(/([?#]).*$/s, '$1***'),
  },
  username: {
    name: 'CVAT_RESTORE_USERNAME',
    schema: line({ accepts: 'a user name', pattern: /^[^\r\n]+$/ }),
    description:
      'User who restores. Projects and tasks will be theirs, so they need a role that may create them. Also used for CVAT_URL, where the login for backups may not write.',
    example: 'admin',
    whenUnset: 'CVAT_RESTORE_ACCESS_TOKEN, or the login for CVAT_URL',
  },
  password: {
    name: 'CVAT_RESTORE_PASSWORD',
    schema: valueSchema('a password', (text) => text),
    description: 'Password of CVAT_RESTORE_USERNAME.',
    secret: true,
    whenUnset: 'CVAT_RESTORE_ACCESS_TOKEN, or the login for CVAT_URL',
  },
  accessToken: {
    name: 'CVAT_RESTORE_ACCESS_TOKEN',
    schema: line({ accepts: 'a token without spaces or line breaks', pattern: /^[\x21-\x7e]+$/ }),
    description: 'Personal access token that may write. Takes precedence over name and password.',
    secret: true,
    whenUnset: 'CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD, or the login for CVAT_URL',
  },
  caFile: {
    name: 'CVAT_RESTORE_CA_FILE',
    schema: valueSchema('the path of a PEM file with one certificate or more', readCertificates),
    description: 'Certificates to trust besides the well-known ones, for CVAT_RESTORE_URL.',
    example: '/etc/ssl/private-ca.pem',
    whenUnset: 'CVAT_CA_FILE, if any',
  },
  parallelRestores: {
    name: 'CVAT_RESTORE_PARALLEL',
    schema: wholeNumber({ min: 1, max: 32 }),
    default: '2',
    description:
      'How many projects and tasks are restored at once. More than the server has import workers gains little.',
  },
  chunkBytes: {
    name: 'CVAT_RESTORE_CHUNK',
    schema: size(),
    default: '64 MB',
    description:
      'How much of an archive is sent in one request. A broken connection costs no more than this; proxies refuse requests above their limit, and then less is sent at once.',
  },
  importTimeoutMs: {
    name: 'CVAT_RESTORE_TIMEOUT_HOURS',
    schema: duration({ unitMs: 3_600_000, max: 500, zeroAllowed: false }),
    default: '6',
    description: 'How long the CVAT server may take over the import of one archive before it counts as failed.',
    unit: 'hours',
  },
  drillSample: {
    name: 'CVAT_BACKUP_DRILL_SAMPLE',
    schema: wholeNumber({ min: 0, max: 10_000 }),
    default: '0',
    description:
      'How many archives each `drill` in the schedule restores under marked names, compares and removes again, the longest undrilled first. 0: none. It needs a login that may write.',
  },
} as const satisfies Settings

export const restoreSettings = defineGroup({
  title: 'Restore',
  introduction:
    'Only `restore` and `drill` write to a server, and only what they made themselves is ever removed. `restore --annotations` replaces the annotations of a task, after a backup of it.',
  settings,
  check: checkLogin,
  derivedSecrets: ({ username, password }) =>
    username && password ? [Buffer.from(`${username}:${password}`).toString('base64')] : [],
})

export type RestoreSettings = ValuesOf<typeof settings>

export interface RestoreTarget {
  /** Normalised: origin and base path. */
  readonly url: string
  readonly credentials: CvatCredentials
  readonly ca: string | undefined
  /** By CVAT_RESTORE_…; else it is that for CVAT_URL. */
  readonly hasOwnLogin: boolean
}

/**
 * Where a restore goes to, and with which login. That of CVAT_URL goes to CVAT_URL only.
 *
 * @param to an address that takes precedence over CVAT_RESTORE_URL
 * @returns undefined where no login is set for that server
 */
export function chooseRestoreTarget(
  restore: RestoreSettings,
  cvat: CvatSettings | undefined,
  to?: string,
): RestoreTarget | undefined {
  const url = (to === undefined ? undefined : parseServerUrl(to)) ?? restore.url ?? cvat?.url
  if (url === undefined) return undefined
  const isSource = url === cvat?.url
  const own = restoreCredentials(restore)
  const credentials = own ?? (isSource ? cvatCredentials(cvat!) : undefined)
  const ca = restore.caFile?.pem ?? cvat?.caFile?.pem
  return credentials && { url, credentials, ca, hasOwnLogin: own !== undefined }
}

function restoreCredentials({ username, password, accessToken }: RestoreSettings): CvatCredentials | undefined {
  if (accessToken !== undefined) return { accessToken }
  return username !== undefined && password !== undefined ? { username, password } : undefined
}

function checkLogin({ given }: GroupState<typeof settings>): ConfigurationFault[] {
  const [missing, other] = given.has('username')
    ? ['CVAT_RESTORE_PASSWORD', 'CVAT_RESTORE_USERNAME']
    : ['CVAT_RESTORE_USERNAME', 'CVAT_RESTORE_PASSWORD']
  if (given.has('accessToken')) return []
  if (given.has('username') !== given.has('password')) {
    return [{ name: missing!, problem: `is not set, but ${other} is`, fix: 'Set it' }]
  }
  if (!given.has('url') || given.has('username')) return []
  const fix = 'Set CVAT_RESTORE_ACCESS_TOKEN, or CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD'
  return [{ name: 'CVAT_RESTORE_URL', problem: 'is set, and no login for it', fix }]
}
