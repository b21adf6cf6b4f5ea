// What is told of an archive that members cannot be taken from.

import { BackupError } from '#shared/errors/backup-error.ts'
import { showName } from '#shared/store/check-entry.ts'

export function unsound(path: string, why: string): BackupError {
  return new BackupError(`${path} is no sound backup: ${why}`, {
    code: 'unsound-archive',
    retryable: false,
    hint: 'Do not unpack it carelessly. `cvat-backups verify FOLDER` tells all that is wrong with a stored archive.',
  })
}

export function changed(path: string, sizeBytes: number, expectedBytes: number): BackupError {
  return new BackupError(`${path} has ${sizeBytes} bytes, not the planned ${expectedBytes}`, {
    code: 'archive-changed',
    retryable: false,
    hint: 'Somebody changed the file: check it with `cvat-backups verify FOLDER`, then begin anew.',
  })
}

export function damaged(path: string, name: string, what: string): BackupError {
  return new BackupError(`${path} is damaged: ${showName(name)} ${what}`, {
    code: 'damaged-archive',
    retryable: false,
    hint: '`cvat-backups verify FOLDER` tells all that is wrong with a stored archive; take another one.',
  })
}
