// How much room the backup directory has, as far as its file system can be asked.

import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { withStoreErrors } from './store-errors.ts'
import { syncFile } from './sync-to-disk.ts'

/** No disk is this large: network file systems that do not know say so with such numbers. */
const INCREDIBLE_BYTES = 2 ** 60
const ZEROS = Buffer.alloc(256 * 1024)

/**
 * Bytes that this user may still write; undefined when the file system does not say, or says what cannot be (network
 * mounts answer with no blocks at all, or with an error). A missing directory is left to the next write to tell.
 */
export async function findFreeBytes(files: FileOperations, layout: Layout): Promise<number | undefined> {
  try {
    const { bavail, blocks, bsize } = await files.statfs(layout.partialFolder)
    const isCredible = blocks > 0 && bsize > 0 && bavail >= 0 && bavail <= blocks
    const freeBytes = bavail * bsize
    return isCredible && freeBytes < INCREDIBLE_BYTES ? freeBytes : undefined
  } catch {
    return undefined
  }
}

/**
 * Writes so many bytes and removes them again: the only question that a quota answers.
 *
 * @throws BackupError `disk-full`, or whatever else is wrong with the directory; no folder is ever made
 */
export async function tryWriting(files: FileOperations, layout: Layout, sizeBytes: number, now: Date): Promise<void> {
  const path = layout.newTemporary('probe', now)
  await withStoreErrors(`Trying to write in ${layout.partialFolder}`, async () => {
    const handle = await files.open(path, 'wx')
    try {
      for (let written = 0; written < sizeBytes; ) {
        const { bytesWritten } = await handle.write(ZEROS, 0, Math.min(ZEROS.length, sizeBytes - written))
        written += bytesWritten
      }
      await syncFile(handle)
    } finally {
      await handle.close().finally(() => unlinkIfExists(files, path))
    }
  })
}
