// Removes one archive with its record.

import { dirname } from 'node:path'
import { formatEntity } from '#shared/model/entity.ts'
import { type FileOperations, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'
import { syncDirectory } from './sync-to-disk.ts'

/**
 * The archive goes first: a crash between the two leaves a record without archive, which no listing shows and recovery
 * removes. The other way round it would leave an archive without record, which nothing may ever touch again.
 * Removing what is gone already is harmless.
 */
export async function removeArchive(files: FileOperations, layout: Layout, archive: StoredArchive): Promise<void> {
  const folder = layout.entityFolder(archive.entity)
  if (dirname(archive.archivePath) !== folder || dirname(archive.recordPath) !== folder) {
    throw new TypeError('Not an archive of this store')
  }
  await withStoreErrors(`Removing an archive of ${formatEntity(archive.entity)}`, async () => {
    await unlinkIfExists(files, archive.archivePath)
    await unlinkIfExists(files, archive.recordPath)
    await syncDirectory(files, folder)
  })
}
