// Reads one entity's folder: its archives with their records, and what else lies there but markers and sidecars. Never throws at a strange file.

import { join } from 'node:path'
import { type EntityRef, formatEntity, parseEntity } from '#shared/model/entity.ts'
import type { ArchiveContent } from '#shared/model/series.ts'
import { type ArchiveNameParts, isNameOf, parseArchiveBase } from './archive-name.ts'
import { isDeletedMarkerName } from './deleted-marker.ts'
import { type FileOperations, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readRecord } from './read-record.ts'
import { toStoreError, withStoreErrors } from './store-errors.ts'
import type { EntityFolder, FolderListing, StoredArchive, Unrecognised } from './stored-archive.ts'
import { parseWorkflowName } from './workflow-name.ts'

/** Records read at a time: network mounts answer slowly, one by one takes too long. */
const PARALLEL_READS = 8

/** Every entity that has a folder, in the folder's own order; memory does not grow with their number. */
export async function* listEntities(files: FileOperations, layout: Layout): AsyncGenerator<EntityRef> {
  const attempted = 'Listing the backup directory'
  const folder = await withStoreErrors(attempted, () => files.opendir(layout.directory, { bufferSize: 256 }))
  try {
    for await (const entry of folder) {
      const entity = entry.isDirectory() ? parseEntity(entry.name) : undefined
      if (entity) yield entity
    }
  } catch (error) {
    throw toStoreError(error, attempted)
  }
}

/** One entity's archives, newest first, and everything in its folder that is not one. An absent folder is empty. */
export async function listRecords(files: FileOperations, layout: Layout, entity: EntityRef): Promise<FolderListing> {
  return withStoreErrors(`Reading the records of ${formatEntity(entity)}`, async () => {
    const folder = await readEntityFolder(files, layout, entity)
    const archives: StoredArchive[] = []
    const unrecognised: Unrecognised[] = folder.foreign.map((path) => ({ path, reason: 'foreign' }))
    const bases = [...folder.records.keys()]
    for (let start = 0; start < bases.length; start += PARALLEL_READS) {
      const slice = bases.slice(start, start + PARALLEL_READS)
      for (const result of await Promise.all(slice.map((base) => readRecord(files, folder, entity, base)))) {
        if (result === undefined) continue
        if ('reason' in result) unrecognised.push(result)
        else archives.push(result)
      }
    }
    for (const [base, archivePath] of folder.archives) {
      if (!folder.records.has(base)) unrecognised.push({ path: archivePath, reason: 'archive-without-record' })
    }
    const { hasMarkers, hasWorkflows } = folder
    return { archives: archives.sort(compareNewestFirst), unrecognised, hasMarkers, hasWorkflows }
  })
}

/**
 * The archives of one entity with one content, newest first, read one after another: who needs only the newest reads
 * few records. Anything not recognised is passed over.
 */
export async function* iterateContent(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  content: ArchiveContent,
): AsyncGenerator<StoredArchive> {
  const folder = await readEntityFolder(files, layout, entity)
  const seconds = new Map<string, string[]>()
  for (const base of folder.records.keys()) {
    const parts = folder.names.get(base)!
    if (isNameOf(parts, content)) seconds.set(parts.createdAt, [...(seconds.get(parts.createdAt) ?? []), base])
  }
  for (const second of [...seconds.keys()].sort().reverse()) {
    const found: StoredArchive[] = []
    for (const base of seconds.get(second) ?? []) {
      const result = await readRecord(files, folder, entity, base)
      if (result !== undefined && !('reason' in result)) found.push(result)
    }
    yield* found.sort(compareNewestFirst)
  }
}

type WholeFolder = EntityFolder & Pick<FolderListing, 'hasMarkers' | 'hasWorkflows'>

async function readEntityFolder(files: FileOperations, layout: Layout, entity: EntityRef): Promise<WholeFolder> {
  const path = layout.entityFolder(entity)
  const archives = new Map<string, string>()
  const records = new Map<string, string>()
  const names = new Map<string, ArchiveNameParts>()
  const foreign: string[] = []
  let hasMarkers = false
  let hasWorkflows = false
  for (const entry of await readFolderEntries(files, layout, path)) {
    const { name } = entry
    const list = !entry.isFile()
      ? undefined
      : name.endsWith('.zip')
        ? archives
        : name.endsWith('.json')
          ? records
          : undefined
    const base = name.slice(0, name.lastIndexOf('.')).normalize('NFC')
    const parts = list && (names.get(base) ?? parseArchiveBase(base))
    if (list && parts) {
      names.set(base, parts)
      list.set(base, join(path, name))
    } else if (entry.isFile() && isDeletedMarkerName(name)) hasMarkers = true
    else if (entry.isFile() && parseWorkflowName(name)) hasWorkflows = true
    else foreign.push(join(path, name))
  }
  return { archives, records, names, foreign, hasMarkers, hasWorkflows }
}

async function readFolderEntries(files: FileOperations, layout: Layout, path: string) {
  try {
    return await files.readdir(path, { withFileTypes: true })
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    // No folder means no backup, but only where the directory is there at all: behind a lost mount it means nothing.
    await files.lstat(layout.privateFolder)
    return []
  }
}

function compareNewestFirst(a: StoredArchive, b: StoredArchive): number {
  const byTime = Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt)
  return byTime || (a.record.archive.fileName < b.record.archive.fileName ? 1 : -1)
}
