// A file that is whole when it has its name, and that never takes the place of another.

import { randomBytes } from 'node:crypto'
import { lstat, open, rename, unlink } from 'node:fs/promises'
import { BackupError } from '#shared/errors/backup-error.ts'
import { toStoreError } from '#shared/store/store-errors.ts'

export type Append = (chunk: Uint8Array) => Promise<void>

/**
 * Writes beside `path` under a temporary name, calls `check` with that, then renames. Whatever goes wrong leaves nothing.
 * @throws BackupError `file-exists`, faults of the disk, and what the two functions throw
 */
export async function writeNewFile(
  path: string,
  produce: (append: Append) => Promise<void>,
  check: (temporaryPath: string) => Promise<void> = async () => {},
): Promise<number> {
  await assertFree(path)
  const temporaryPath = `${path}.${randomBytes(6).toString('hex')}.part`
  let sizeBytes = 0
  try {
    await using file = await open(temporaryPath, 'wx')
    await produce(async (chunk) => {
      await file.writeFile(chunk)
      sizeBytes += chunk.byteLength
    })
    await file.sync()
    await check(temporaryPath)
    await assertFree(path)
    await rename(temporaryPath, path)
    return sizeBytes
  } catch (error) {
    await unlink(temporaryPath).catch(() => undefined)
    throw toFileError(error, path)
  }
}

/** The file lies somewhere else than the backup directory, of which the store's hints speak. */
const HINTS: Readonly<Record<string, string>> = {
  'disk-full': 'Free space there, or name a file on another disk with -o.',
  'directory-missing': 'There is no such folder: make it, or name another one with -o.',
  'not-a-directory': 'A part of the path is a file: name another one with -o.',
  'permission-denied': 'You may not write there: name a file elsewhere with -o.',
  'read-only': 'It is mounted read-only: name a file elsewhere with -o.',
}

function toFileError(error: unknown, path: string): unknown {
  const known = toStoreError(error, `Writing ${path}`)
  if (known === error || !(known instanceof BackupError)) return error
  const { message, code, retryable, cause } = known
  return new BackupError(message, { code, retryable, cause, hint: HINTS[code] ?? known.hint })
}

async function assertFree(path: string): Promise<void> {
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  )
  if (!isTaken) return
  throw new BackupError(`${path} is there already`, {
    code: 'file-exists',
    retryable: false,
    hint: 'Nothing is overwritten: move it away, or name another file with -o.',
  })
}
