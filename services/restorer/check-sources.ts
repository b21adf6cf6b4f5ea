// Reads every archive that an upload is made of, once, before anything is sent: what the disk has spoilt is noticed here.

import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { hashFile } from '#shared/store/hash-file.ts'
import { type ArchiveRecord, isSnapshot, isThin } from '#shared/store/record.ts'
import { mediaPath, partPath, presentParts } from '#shared/store/snapshot-parts.ts'
import { withStoreErrors } from '#shared/store/store-errors.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { Upload } from './compose-upload.ts'
import type { RestoreContext } from './restore-work.ts'

/** @throws BackupError `bit-rot` where the bytes are not those of the record, unless only undamaged parts are used */
export async function checkSources({ sources }: Pick<Upload, 'sources'>, context: RestoreContext): Promise<void> {
  await context.progress({ phase: 'check' })
  for (const archive of sources) {
    await checkSource(archive, context.signal)
    const { record, archivePath, entity } = archive
    if (isThin(record)) {
      await checkFile(mediaPath(archivePath, record.mediaFrom), record.mediaFrom, formatEntity(entity), context.signal)
    }
    if (!isSnapshot(record)) continue
    for (const part of presentParts(record)) {
      const path = partPath(archivePath, part)
      const folder = `task-${part.taskId}`
      await checkFile(path, part.archive, folder, context.signal)
      if (!part.mediaFrom) continue
      await checkFile(mediaPath(path, part.mediaFrom), part.mediaFrom, folder, context.signal)
    }
  }
}

async function checkSource({ entity, archivePath, record }: StoredArchive, signal: AbortSignal): Promise<void> {
  const known = record.verification.problems.some(({ code }) => code === 'bit-rot' || code === 'damaged-member')
  // Which parts of it are damaged was found out when the upload was composed.
  if (known) return
  await checkFile(archivePath, record.archive, formatEntity(entity), signal)
}

async function checkFile(
  path: string,
  archive: Pick<ArchiveRecord['archive'], 'fileName' | 'sha256'>,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { fileName } = archive
  const sha256 = await withStoreErrors(`Checking ${fileName}`, () => hashFile(realFiles, path, signal))
  if (sha256 === archive.sha256) return
  throw new BackupError(`${fileName} is damaged: its SHA-256 is not that of its record`, {
    code: 'bit-rot',
    retryable: false,
    hint: `Nothing was uploaded. \`cvat-backups verify ${folder}\` marks it; then restore takes the newest archive that is good, or what can be saved of this one.`,
  })
}
