// What the store has under an archive's name, as a source of members: a zip; a snapshot with all its parts, and an archive
// without media with those of another, each as if it were one.

import { BackupError } from '#shared/errors/backup-error.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { isSnapshot, type MediaSource, type SnapshotRecord, type ThinRecord } from '#shared/store/record.ts'
import { mediaPath, partPath, presentParts, readPartialRecord } from '#shared/store/snapshot-parts.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import { openPiecedSource, type Piece } from './pieced-source.ts'
import { openZipSource, type SourceArchive, type SourceOptions } from './source-archive.ts'

/**
 * Opens an archive of the store, or any other zip. To be closed. Parts of a snapshot of which its record says that they are
 * missing or damaged are left out, as damaged parts of an archive are. @throws BackupError as openZipSource; `archive-changed`
 * for a part, or an archive that has the media, of another size than the record says; `no-snapshot-record` for a snapshot's
 * project part without its record, `no-media-record` for an archive without media
 */
export async function openSourceArchive(path: string, options: SourceOptions = {}): Promise<SourceArchive> {
  const record = await readRecord(path, options)
  if (!record) return openZipSource(path, options)
  const own = { path, sizeBytes: options.expectedBytes ?? record.archive.sizeBytes }
  return openPiecedSource(own, listPieces(own, record), options)
}

function listPieces(own: { readonly path: string; readonly sizeBytes: number }, record: SnapshotRecord | ThinRecord) {
  if (!isSnapshot(record)) return piecesOfTask(own, record.mediaFrom, '')
  const projectPart: Piece = { ...own, prefix: '', takes: 'all' }
  const parts = presentParts(record).flatMap((part) => {
    const archive = { path: partPath(own.path, part), sizeBytes: part.archive.sizeBytes }
    return piecesOfTask(archive, part.mediaFrom, `task_${part.position}/`)
  })
  return [projectPart, ...parts]
}

/** As CVAT writes them: media first. */
function piecesOfTask(
  archive: { readonly path: string; readonly sizeBytes: number },
  media: MediaSource | undefined,
  prefix: string,
): Piece[] {
  if (!media) return [{ ...archive, prefix, takes: 'all' }]
  return [
    { path: mediaPath(archive.path, media), sizeBytes: media.sizeBytes, prefix, takes: 'media' },
    { ...archive, prefix, takes: 'rest' },
  ]
}

async function readRecord(path: string, { files = realFiles }: SourceOptions) {
  try {
    return await readPartialRecord(files, path)
  } catch (error) {
    throw error instanceof BackupError ? error : toStoreError(error, `Reading ${path}`)
  }
}
