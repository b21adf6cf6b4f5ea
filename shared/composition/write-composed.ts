// A planned archive as a file: for parts that are taken out of whole archives, and for `assemble`.

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import { syncFile } from '#shared/store/sync-to-disk.ts'
import type { CompositionPlan } from './composition-plan.ts'
import { openComposedArchive } from './open-composed-archive.ts'

export interface WriteComposedOptions {
  /** An empty file that is there already. */
  readonly path: string
  readonly files?: Pick<FileOperations, 'open'> | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Streams the archive to the file and brings it to the disk; gives what it has written, which the caller holds against what
 * can be read back. Memory: some buffers.
 *
 * @throws BackupError as openComposedArchive and its stream; faults of the disk as the store tells them
 */
export async function writeComposed(
  plan: CompositionPlan,
  { path, files = realFiles, signal }: WriteComposedOptions,
): Promise<{ sha256: string; sizeBytes: number }> {
  const composed = await openComposedArchive(plan, { signal, files })
  const hash = createHash('sha256')
  let file: FileHandle | undefined
  try {
    file = await files.open(path, 'r+')
    await file.truncate(0)
    let sizeBytes = 0
    for await (const chunk of composed.stream()) {
      hash.update(chunk)
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, sizeBytes)
        done += bytesWritten
        sizeBytes += bytesWritten
      }
    }
    await syncFile(file)
    return { sha256: hash.digest('hex'), sizeBytes }
  } catch (error) {
    throw toStoreError(error, `Writing ${path}`)
  } finally {
    await file?.close()
  }
}
