// Is the backup directory usable? Asked at start, by doing once what every backup will do: write, fsync, rename, remove.

import { dirname } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type FileOperations, hasErrno, isNameTaken, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { toStoreError } from './store-errors.ts'
import { syncFile } from './sync-to-disk.ts'

export interface DirectoryCheck {
  /** No archive store was here before: a new directory, or a mount that is missing. */
  readonly isNew: boolean
}

/** Creates what is missing and tries the directory out. Throws a BackupError that says what an operator can do. */
export async function checkDirectory(files: FileOperations, layout: Layout, now: Date): Promise<DirectoryCheck> {
  const attempted = `Checking the backup directory ${layout.directory}`
  try {
    await assertDirectory(files, layout.directory)
    await makeFolder(files, layout.privateFolder)
    const isNew = await makeFolder(files, layout.partialFolder)
    await makeFolder(files, layout.runsFolder)
    await probe(files, layout.newTemporary('probe', now), layout.newTemporary('probe', now))
    return { isNew }
  } catch (error) {
    throw toStoreError(error, attempted)
  }
}

async function assertDirectory(files: FileOperations, directory: string): Promise<void> {
  try {
    if ((await files.stat(directory)).isDirectory()) return
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    await makeWithParents(files, directory)
    return
  }
  throw new BackupError(`${directory} is not a directory`, {
    code: 'not-a-directory',
    retryable: false,
    hint: 'Set CVAT_BACKUP_DIR to a directory.',
  })
}

/** Not recursive: where a parent takes no folders and says ENOENT (/proc, some automounts) Node.js (24) tries for ever. */
async function makeWithParents(files: FileOperations, path: string): Promise<void> {
  try {
    await makeFolder(files, path)
  } catch (error) {
    if (!hasErrno(error, 'ENOENT') || (await isNameTaken(files, dirname(path)))) throw error
    await makeWithParents(files, dirname(path))
    await makeFolder(files, path)
  }
}

/** True when it was not there. Not recursive: of a read-only file system Node.js (24) then says ENOENT in place of EROFS. */
async function makeFolder(files: FileOperations, path: string): Promise<boolean> {
  try {
    await files.mkdir(path)
    return true
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false
    throw error
  }
}

async function probe(files: FileOperations, firstPath: string, secondPath: string): Promise<void> {
  try {
    const handle = await files.open(firstPath, 'wx')
    try {
      await handle.writeFile('probe\n')
      await syncFile(handle)
    } finally {
      await handle.close()
    }
    await files.rename(firstPath, secondPath)
    const copy = await files.open(secondPath, 'r')
    try {
      if ((await copy.readFile('utf8')) === 'probe\n') return
    } finally {
      await copy.close()
    }
    throw new BackupError('The backup directory gave back other bytes than were written', {
      code: 'disk-error',
      retryable: true,
      hint: 'The disk or the network file system is faulty: look at the system log and the mount.',
    })
  } finally {
    await unlinkIfExists(files, firstPath).catch(() => undefined)
    await unlinkIfExists(files, secondPath).catch(() => undefined)
  }
}
