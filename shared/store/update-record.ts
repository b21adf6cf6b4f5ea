// Rewrites what a record says about verification, and nothing else in it.

import { formatEntity } from '#shared/model/entity.ts'
import { type FileOperations, findFileSize } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJsonIfThere } from './read-json.ts'
import { type ArchiveRecord, archiveRecordSchema } from './record.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'
import { writeJsonAtomically } from './write-json.ts'

type Verification = ArchiveRecord['verification']

/**
 * Reads the record anew, lets `change` say what its verification becomes and replaces the file: a reader, and a crash at any
 * instant, finds the old record or the new one. Fields that this version does not know stay, wherever they are. The
 * archive is not touched.
 *
 * @returns false when archive or record has gone meanwhile, or the record is about another archive by now: then nothing
 *   is written. Removed in the very moment of writing, it leaves a record without archive, which recovery removes.
 */
export async function updateVerification(
  files: FileOperations,
  layout: Layout,
  archive: StoredArchive,
  change: (current: ArchiveRecord) => Verification,
  now: Date,
): Promise<boolean> {
  const name = formatEntity(archive.entity)
  return withStoreErrors(`Updating a record of ${name}`, async () => {
    const value = await readJsonIfThere(files, archive.recordPath)
    const parsed = archiveRecordSchema.safeParse(value)
    if (!parsed.success || parsed.data.archive.sha256 !== archive.record.archive.sha256) return false
    if ((await findFileSize(files, archive.archivePath)) === undefined) return false
    const raw = value as { readonly verification: object }
    await writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary(`verify-${name}`, now),
      finalPath: archive.recordPath,
      value: { ...raw, verification: { ...raw.verification, ...change(parsed.data) } },
    })
    return true
  })
}
