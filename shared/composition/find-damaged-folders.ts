// Which parts of a damaged archive can still be used: members are read through and held against their CRC.

import { BackupError } from '#shared/errors/backup-error.ts'
import { openSourceArchive } from './open-source-archive.ts'
import type { SourceOptions } from './source-archive.ts'

/**
 * The folders (`''`, `task_3/`) with members that are not what they should be. Reads the whole archive.
 * @throws BackupError where the directory itself is damaged, so that nothing of the archive can be told
 */
export async function findDamagedFolders(path: string, options: SourceOptions = {}): Promise<Set<string>> {
  const damaged = new Set<string>()
  await using source = await openSourceArchive(path, options)
  for (const [folder, runs] of source.folders) {
    try {
      for await (const member of source.members(runs)) await source.readContent(member, () => {})
    } catch (error) {
      if (!(error instanceof BackupError) || error.code !== 'damaged-archive') throw error
      damaged.add(folder)
    }
  }
  return damaged
}
