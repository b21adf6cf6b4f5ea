// Files that are written anew, so that a reader sees the old one or the new one and never a torn one.

import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import { syncDirectory, syncFile } from './sync-to-disk.ts'

interface Replacement {
  /** A name nobody else uses, on the same file system. */
  readonly temporaryPath: string
  readonly finalPath: string
}

export interface JsonWrite extends Replacement {
  readonly value: unknown
}

export async function writeJsonAtomically(files: FileOperations, write: JsonWrite): Promise<void> {
  await replaceFile(files, write, (handle) => handle.writeFile(`${JSON.stringify(write.value, null, 2)}\n`))
}

/** Writes, fsyncs and renames. After a failure the temporary file is gone again; after a crash it may stay. */
export async function replaceFile(
  files: FileOperations,
  write: Replacement,
  fill: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  try {
    const handle = await files.open(write.temporaryPath, 'wx', 0o644)
    try {
      await fill(handle)
      await syncFile(handle)
    } finally {
      await handle.close()
    }
    await files.rename(write.temporaryPath, write.finalPath)
  } catch (error) {
    await unlinkIfExists(files, write.temporaryPath).catch(() => undefined)
    throw error
  }
  await syncDirectory(files, dirname(write.finalPath))
}
