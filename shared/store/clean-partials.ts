// Removes what downloads and writes left behind in the partial folder.

import { join } from 'node:path'
import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import { type Layout, parsePartialName } from './layout.ts'
import { withStoreErrors } from './store-errors.ts'

/** A temporary file lives for seconds. The hour is for processes that were paused and clocks that differ. */
const TEMPORARY_FILE_MAX_AGE_MS = 3600_000

export interface StalePartialsOptions {
  readonly now: Date
  /** Whether somebody may still be at work on this backup: its files stay. */
  isActive(backupId: string): boolean | Promise<boolean>
}

/** Removes every file of one backup's attempts. For its own handler: nobody else may be writing one. */
export async function discardPartials(files: FileOperations, layout: Layout, backupId: string): Promise<number> {
  return removePartials(files, layout, (name) => {
    const partial = parsePartialName(name)
    return partial !== undefined && partial.kind !== 'tmp' && partial.backupId === backupId
  })
}

/**
 * Removes the files of backups that nobody works on, and temporary files that a crash left. Names that the store never
 * writes are left alone. Finish interrupted commits first (recoverEntity): they may need a partial file.
 */
export async function removeStalePartials(
  files: FileOperations,
  layout: Layout,
  options: StalePartialsOptions,
): Promise<number> {
  return removePartials(files, layout, async (name) => {
    const partial = parsePartialName(name)
    if (partial === undefined) return false
    if (partial.kind === 'tmp') return options.now.getTime() - partial.writtenAtMs > TEMPORARY_FILE_MAX_AGE_MS
    return !(await options.isActive(partial.backupId))
  })
}

/**
 * Paths of one backup's complete or incomplete downloads. The listing is read to its end before anything happens to a
 * file: names that appear meanwhile belong to a newer attempt.
 */
export async function listPartials(files: FileOperations, layout: Layout, backupId: string): Promise<string[]> {
  const names = await files.readdir(layout.partialFolder)
  return names
    .filter((name) => {
      const partial = parsePartialName(name)
      return partial?.kind === 'part' && partial.backupId === backupId
    })
    .map((name) => join(layout.partialFolder, name))
}

async function removePartials(
  files: FileOperations,
  layout: Layout,
  isStale: (name: string) => boolean | Promise<boolean>,
): Promise<number> {
  return withStoreErrors('Cleaning up the partial folder', async () => {
    let removed = 0
    for (const name of await files.readdir(layout.partialFolder)) {
      if (!(await isStale(name))) continue
      await unlinkIfExists(files, join(layout.partialFolder, name))
      removed += 1
    }
    return removed
  })
}
