// fsync where the file system has it. Network mounts often refuse it, for folders above all; nothing here relies on it.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { type FileOperations, hasErrno } from './file-operations.ts'

/** What a file system answers that does not do fsync, or not on this kind of file. Not EIO or ENOSPC: data is lost then. */
const unsupported = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EACCES', 'EISDIR', 'EBADF', 'ENOTTY']

export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } catch (error) {
    if (!hasErrno(error, ...unsupported)) throw error
  }
}

/** Asks for the folder's entries to be durable. After a crash without it, recovery finds the older state, which is valid. */
export async function syncDirectory(files: FileOperations, path: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await files.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    await handle.sync()
  } catch (error) {
    if (!hasErrno(error, ...unsupported)) throw error
  } finally {
    await handle?.close()
  }
}
