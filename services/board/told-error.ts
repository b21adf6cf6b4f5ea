// An error that is meant for the visitor, with its own words.

import { BackupError } from '#shared/errors/backup-error.ts'

/** @param told what the visitor reads: plain text, escaped where it is shown */
export function toldError(status: 400 | 404 | 409 | 503, told: string): Error {
  return Object.assign(new Error(told), { status, told })
}

/** A fault that a person can act on, in its own words; anything else is a defect. */
export function tellBackupError(error: unknown): unknown {
  if (!(error instanceof BackupError)) return error
  const told = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
  return Object.assign(new Error(told, { cause: error }), { status: error.code === 'no-archives' ? 404 : 409, told })
}
