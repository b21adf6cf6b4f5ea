// There is not enough room for a file: told before writing it, with the numbers.

import { BackupError } from '#shared/errors/backup-error.ts'

export interface RoomFigures {
  readonly directory: string
  /** What is still to be written; undefined when the server does not say. */
  readonly neededBytes: number | undefined
  readonly freeBytes: number
  /** Promised to other downloads of this process. */
  readonly promisedBytes: number
  /** CVAT_BACKUP_DISK_RESERVE. */
  readonly reserveBytes: number
}

/** Code `disk-full`, as when the disk itself refuses a write. */
export class NoRoomError extends BackupError {
  readonly figures: RoomFigures

  constructor(figures: RoomFigures) {
    super(`not enough room in ${figures.directory}: ${describeFigures(figures)}`, {
      code: 'disk-full',
      retryable: true,
      hint: fullDiskHint,
    })
    this.figures = figures
  }
}

export const fullDiskHint =
  'Free space in the backup directory, give it a larger disk, keep fewer archives, or lower CVAT_BACKUP_DISK_RESERVE.'

function describeFigures({ neededBytes, freeBytes, promisedBytes, reserveBytes }: RoomFigures): string {
  const parts = [
    neededBytes === undefined ? 'a file of unknown size is to come' : `${megabytes(neededBytes)} are needed`,
    `${megabytes(freeBytes)} are free`,
  ]
  if (promisedBytes > 0) parts.push(`${megabytes(promisedBytes)} of them are promised to other downloads`)
  if (reserveBytes > 0) parts.push(`${megabytes(reserveBytes)} are kept free`)
  return parts.join(', ')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`
}
