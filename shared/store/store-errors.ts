// What the operating system's error numbers mean for a backup directory, and what an operator can do about each.

import { BackupError } from '#shared/errors/backup-error.ts'

interface Fault {
  readonly code: string
  readonly retryable: boolean
  readonly hint: string
}

const diskFull: Fault = {
  code: 'disk-full',
  retryable: true,
  hint: 'Free space in the backup directory or raise its quota; shorter retention removes archives too.',
}
// A mount is made writable and rights are given without this process being told: worth another try, as a lost mount is.
const permissionDenied: Fault = {
  code: 'permission-denied',
  retryable: true,
  hint: 'Give the user that runs this process write access to the backup directory.',
}
const mountLost: Fault = {
  code: 'mount-lost',
  retryable: true,
  hint: 'The network file system does not answer: look at its mount and its server.',
}
const tooManyOpenFiles: Fault = {
  code: 'too-many-open-files',
  retryable: true,
  hint: 'Raise the limit of open files (ulimit -n) or lower the number of parallel downloads.',
}

const faults: Readonly<Record<string, Fault>> = {
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EROFS: {
    code: 'read-only',
    retryable: true,
    hint: 'The backup directory is mounted read-only: mount it writable.',
  },
  EIO: {
    code: 'disk-error',
    retryable: true,
    hint: 'The disk or the network file system reported an error: look at the system log and the mount.',
  },
  EACCES: permissionDenied,
  EPERM: permissionDenied,
  ENOENT: {
    code: 'directory-missing',
    retryable: true,
    hint: 'The backup directory, or a part of it, has gone: check that it is mounted.',
  },
  ENOTDIR: {
    code: 'not-a-directory',
    retryable: false,
    hint: 'A part of the path is a file: set CVAT_BACKUP_DIR to a directory.',
  },
  EXDEV: {
    code: 'cross-device',
    retryable: false,
    hint: 'The backup directory must be one file system: no folder inside it may be a mount of its own.',
  },
  EFBIG: {
    code: 'file-too-large',
    retryable: false,
    hint: 'The file system refuses a file of this size (FAT32: 4 GiB): use another one.',
  },
  ENOTCONN: mountLost,
  ESTALE: mountLost,
  ENODEV: mountLost,
  ENXIO: mountLost,
  EHOSTDOWN: mountLost,
  EHOSTUNREACH: mountLost,
  ETIMEDOUT: mountLost,
  EREMOTEIO: mountLost,
  EMFILE: tooManyOpenFiles,
  ENFILE: tooManyOpenFiles,
}

/**
 * What to throw in place of a file operation's error. Faults of the file system become a {@link BackupError};
 * everything else (an abort, a defect, a BackupError already) is given back as it is.
 *
 * @param attempted what was being done, as the start of a sentence: `Writing the record of project-6`
 */
export function toStoreError(error: unknown, attempted: string): unknown {
  if (error instanceof BackupError || !(error instanceof Error) || !('code' in error)) return error
  const errno = String(error.code)
  const fault = faults[errno]
  if (!fault) return error
  const hint = fault === permissionDenied ? `${fault.hint} ${describeUser()}` : fault.hint
  return new BackupError(`${attempted} failed (${errno})`, { ...fault, hint, cause: error })
}

/** Runs file operations and turns their faults into BackupErrors. */
export async function withStoreErrors<T>(attempted: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw toStoreError(error, attempted)
  }
}

function describeUser(): string {
  const uid = process.getuid?.()
  const gid = process.getgid?.()
  return uid === undefined ? '' : `It runs as uid ${uid}, gid ${gid}.`
}
