// Reads every archive that an upload is made of, once, before anything is sent: what the disk has spoilt is noticed here.

import { BackupError } from '#shared/errors/backup-error.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { hashFile } from '#shared/store/hash-file.ts'
import { withStoreErrors } from '#shared/store/store-errors.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { Upload } from './compose-upload.ts'
import type { RestoreContext } from './restore-work.ts'

/** @throws BackupError `bit-rot` where the bytes are not those of the record, unless only undamaged parts are used */
export async function checkSources({ sources }: Pick<Upload, 'sources'>, context: RestoreContext): Promise<void> {
  await context.progress({ phase: 'check' })
  for (const archive of sources) await checkSource(archive, context.signal)
}

async function checkSource({ archivePath, record }: StoredArchive, signal: AbortSignal): Promise<void> {
  const known = record.verification.problems.some(({ code }) => code === 'bit-rot' || code === 'damaged-member')
  // Which parts of it are damaged was found out when the upload was composed.
  if (known) return
  const sha256 = await withStoreErrors(`Checking ${record.archive.fileName}`, () =>
    hashFile(realFiles, archivePath, signal),
  )
  if (sha256 === record.archive.sha256) return
  throw new BackupError(`${record.archive.fileName} is damaged: its SHA-256 is not that of its record`, {
    code: 'bit-rot',
    retryable: false,
    hint: 'Nothing was uploaded. `cvat-backups verify FOLDER` marks it; then restore takes the newest archive that is good, or what can be saved of this one.',
  })
}
