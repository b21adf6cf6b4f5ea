// One attempt's download in progress: a file of its own, which no other attempt ever writes.

import type { FileHandle } from 'node:fs/promises'
import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { toStoreError, withStoreErrors } from './store-errors.ts'
import { syncFile } from './sync-to-disk.ts'

/** Closed by finish, discard or disposal; the file stays until discard, discardPartials or a commit. */
export interface PartialFile extends AsyncDisposable {
  readonly backupId: string
  readonly path: string
  /** Bytes written so far: where a resumed download goes on. */
  readonly sizeBytes: number
  /** Appends the whole chunk. One call at a time. */
  write(chunk: Uint8Array): Promise<void>
  /** Cuts back to so many bytes, when the server sends the file anew. */
  truncate(sizeBytes: number): Promise<void>
  /** Brings the bytes to the disk and closes the file: nothing may be verified before. */
  finish(): Promise<void>
  /** Closes and removes the file. */
  discard(): Promise<void>
}

/** Creates an empty partial file. The folder is there since checkDirectory; a missing one means a lost mount. */
export async function createPartial(files: FileOperations, layout: Layout, backupId: string): Promise<PartialFile> {
  const path = layout.newPartial(backupId)
  const handle = await withStoreErrors(`Creating a partial file for ${backupId}`, () => files.open(path, 'wx', 0o644))
  return describePartial(files, handle, backupId, path)
}

function describePartial(files: FileOperations, handle: FileHandle, backupId: string, path: string): PartialFile {
  let sizeBytes = 0
  let isOpen = true
  const writing = `Writing the partial file of ${backupId}`

  async function close(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    // NFS reports a full disk here.
    await handle.close()
  }

  return {
    backupId,
    path,
    get sizeBytes() {
      return sizeBytes
    },
    async write(chunk) {
      let offset = 0
      try {
        while (offset < chunk.byteLength) {
          const { bytesWritten } = await handle.write(chunk, offset, chunk.byteLength - offset, sizeBytes)
          offset += bytesWritten
          sizeBytes += bytesWritten
        }
      } catch (error) {
        throw toStoreError(error, writing)
      }
    },
    async truncate(newSizeBytes) {
      if (newSizeBytes > sizeBytes) throw new RangeError('A partial file can only be cut, not lengthened')
      await withStoreErrors(writing, () => handle.truncate(newSizeBytes))
      sizeBytes = newSizeBytes
    },
    async finish() {
      await withStoreErrors(writing, async () => {
        await syncFile(handle)
        await close()
      })
    },
    async discard() {
      await close().catch(() => undefined)
      await withStoreErrors(`Removing the partial file of ${backupId}`, () => unlinkIfExists(files, path))
    },
    async [Symbol.asyncDispose]() {
      await close().catch(() => undefined)
    },
  }
}
