// Removes what downloads and writes left behind in the partial folder.

import { join } from 'node:path'
import { type FileOperations, findFileSize, unlinkIfExists } from './file-operations.ts'
import { type Layout, parsePartialName } from './layout.ts'
import { continuePartial, type PartialFile } from './partial-file.ts'
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
  return removePartials(files, layout, (name) => isOfBackup(name, backupId))
}

/**
 * The largest download of one backup that can be continued, taken over; all other files of the backup are removed. For
 * its own handler.
 */
export async function takePartial(
  files: FileOperations,
  layout: Layout,
  wanted: { readonly backupId: string; readonly askedAt: string },
): Promise<PartialFile | undefined> {
  return withStoreErrors(`Looking for an unfinished download in ${layout.partialFolder}`, async () => {
    const sized: { path: string; sizeBytes: number }[] = []
    for (const path of await listPartials(files, layout, wanted.backupId)) {
      sized.push({ path, sizeBytes: (await findFileSize(files, path)) ?? 0 })
    }
    let taken: PartialFile | undefined
    for (const { path } of sized.sort((a, b) => b.sizeBytes - a.sizeBytes)) {
      taken ??= await continuePartial(files, layout, { ...wanted, path })
    }
    const kept = taken ? [taken.path, layout.partialOrigin(taken.path)] : []
    await removePartials(files, layout, (name) => {
      return isOfBackup(name, wanted.backupId) && !kept.includes(join(layout.partialFolder, name))
    })
    return taken
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

/** Ids of backups that have files in the partial folder, each once. */
export async function listPartialBackups(files: FileOperations, layout: Layout): Promise<string[]> {
  return withStoreErrors('Listing the partial folder', async () => {
    const names = await files.readdir(layout.partialFolder)
    const ids = names.flatMap((name) => {
      const partial = parsePartialName(name)
      return partial === undefined || partial.kind === 'tmp' ? [] : partial.backupId
    })
    return [...new Set(ids)]
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

function isOfBackup(name: string, backupId: string): boolean {
  const partial = parsePartialName(name)
  return partial !== undefined && partial.kind !== 'tmp' && partial.backupId === backupId
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
