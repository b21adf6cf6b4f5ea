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
    throw toStoreError(error, `Writing ${path}`)
  }
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
