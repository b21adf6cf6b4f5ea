// Reads one record and decides whether it and the archive beside it belong together.

import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { type ArchiveNameParts, nameContent } from './archive-name.ts'
import { type FileOperations, findFileSize } from './file-operations.ts'
import { absent, readJsonIfThere } from './read-json.ts'
import { type ArchiveRecord, isThin, recordSchema } from './record.ts'
import type { EntityFolder, StoredArchive, Unrecognised } from './stored-archive.ts'

/** The archive with its record, or why this record cannot be taken for one; undefined when it has just been removed. */
export async function readRecord(
  files: FileOperations,
  folder: EntityFolder,
  entity: EntityRef,
  base: string,
): Promise<StoredArchive | Unrecognised | undefined> {
  const recordPath = folder.records.get(base)!
  const value = await readJsonIfThere(files, recordPath)
  // Removed between the listing and now.
  if (value === absent) return undefined
  if (!isKnownKind(value)) return { path: recordPath, reason: 'unknown-record' }
  const parsed = recordSchema.safeParse(value)
  if (!parsed.success || !belongsTo(parsed.data, entity, base, folder.names.get(base)))
    return { path: recordPath, reason: 'broken-record' }
  const record = parsed.data
  const archivePath = folder.archives.get(base)
  const sizeBytes = archivePath === undefined ? undefined : await findFileSize(files, archivePath)
  if (archivePath === undefined || sizeBytes === undefined) {
    return { path: recordPath, reason: 'record-without-archive', record }
  }
  if (sizeBytes !== record.archive.sizeBytes) return { path: archivePath, reason: 'size-differs', record }
  return { entity, record, archivePath, recordPath }
}

/** A record that states another kind or a later format is somebody's, just not ours to judge. */
function isKnownKind(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  const { type, formatVersion } = value as Record<string, unknown>
  const isOtherKind = typeof type === 'string' && type !== 'archive' && type !== 'snapshot'
  const isLaterFormat = typeof formatVersion === 'number' && formatVersion > 2
  return !isOtherKind && !isLaterFormat
}

/** A record copied or renamed by hand must not speak for bytes it was not written about. */
function belongsTo(
  record: ArchiveRecord,
  entity: EntityRef,
  base: string,
  name: ArchiveNameParts | undefined,
): boolean {
  return (
    name !== undefined &&
    formatEntity(record.series.entity) === formatEntity(entity) &&
    nameContent(record) === name.content &&
    isWhereItBelongs(record) &&
    record.archive.sha256.startsWith(name.digest) &&
    record.archive.fileName.normalize('NFC') === `${base}.zip` &&
    Math.floor(Date.parse(record.createdAt) / 1000) === Date.parse(name.createdAt) / 1000
  )
}

/** A snapshot is a backup of a project, its parts are those of tasks; and tasks alone have media. */
function isWhereItBelongs(record: ArchiveRecord): boolean {
  const { type, series } = record
  if (type !== 'snapshot' && !isThin(record)) return true
  return series.content.kind === 'backup' && series.entity.type === (type === 'snapshot' ? 'project' : 'task')
}
