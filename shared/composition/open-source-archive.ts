// What the store has under an archive's name, as a source of members: a zip, or a snapshot with all its parts as if it were one.

import { BackupError } from '#shared/errors/backup-error.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { readSnapshotRecord } from '#shared/store/snapshot-parts.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import { openSnapshotSource } from './snapshot-source.ts'
import { openZipSource, type SourceArchive, type SourceOptions } from './source-archive.ts'

/**
 * Opens an archive of the store, or any other zip. To be closed. @throws BackupError as openZipSource; `no-snapshot-record`
 * for a snapshot's project part without its record
 */
export async function openSourceArchive(path: string, options: SourceOptions = {}): Promise<SourceArchive> {
  const record = await readRecord(path, options)
  return record ? openSnapshotSource(path, record, options) : openZipSource(path, options)
}

async function readRecord(path: string, { files = realFiles }: SourceOptions) {
  try {
    return await readSnapshotRecord(files, path)
  } catch (error) {
    throw error instanceof BackupError ? error : toStoreError(error, `Reading ${path}`)
  }
}
