// What a finished command tells the shell, in one place.

import { BackupError } from '#shared/errors/backup-error.ts'

export const exitCodes = {
  ok: 0,
  /** Something failed; what and why was printed. */
  failed: 1,
  /** Wrong usage or configuration: trying again without a change is no use. */
  wrong: 2,
  /** Stopped by Ctrl-C or SIGTERM, as shells count it. */
  interrupted: 130,
} as const

const CONFIGURATION = new Set([
  'configuration',
  'usage',
  'crontab',
  'login-failed',
  'not-cvat',
  'server-too-old',
  'bad-url',
  'bad-credentials',
  'bad-organization',
  'bad-ca',
  'redis-server-missing',
])

/** Of `diff` 1 says that two archives differ, as of diff(1): what kept it from telling is 2. */
export function exitCodeOf(error: unknown, command?: string): number {
  if (command === 'diff') return exitCodes.wrong
  return error instanceof BackupError && CONFIGURATION.has(error.code) ? exitCodes.wrong : exitCodes.failed
}
