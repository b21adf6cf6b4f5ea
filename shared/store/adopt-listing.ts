// What an entity's folder says about one moment, without reading all its records.

import { join } from 'node:path'
import type { EntityRef } from '#shared/model/entity.ts'
import { type ArchiveContent, formatContent } from '#shared/model/series.ts'
import { type ArchiveNameParts, parseArchiveBase } from './archive-name.ts'
import { type FileOperations, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readRecord } from './read-record.ts'
import type { EntityFolder, EntityListing, StoredArchive, Unrecognised } from './stored-archive.ts'

export interface Moment {
  readonly entity: EntityRef
  readonly content: ArchiveContent
  /** ISO 8601; the second counts. */
  readonly createdAt: string
}

/** The entity's folder as far as one second and one content are concerned: one record or two are read, not thousands. */
export async function listMoment(
  files: FileOperations,
  layout: Layout,
  { entity, content, createdAt }: Moment,
): Promise<EntityListing> {
  const folder = layout.entityFolder(entity)
  const names = new Map<string, ArchiveNameParts>()
  const found: EntityFolder = { archives: new Map(), records: new Map(), names, foreign: [] }
  for (const name of await readNames(files, layout, folder)) {
    const [, base, extension] = /^(.*)\.(zip|json)$/.exec(name) ?? []
    const parts = base === undefined ? undefined : parseArchiveBase(base)
    if (!parts || parts.content !== formatContent(content)) continue
    if (Date.parse(parts.createdAt) !== Date.parse(createdAt)) continue
    const paths = (extension === 'zip' ? found.archives : found.records) as Map<string, string>
    names.set(base!.normalize('NFC'), parts)
    paths.set(base!.normalize('NFC'), join(folder, name))
  }
  const archives: StoredArchive[] = []
  const unrecognised: Unrecognised[] = []
  for (const base of found.records.keys()) {
    const result = await readRecord(files, found, entity, base)
    if (result === undefined) continue
    if ('reason' in result) unrecognised.push(result)
    else archives.push(result)
  }
  return { archives, unrecognised }
}

async function readNames(files: FileOperations, layout: Layout, folder: string): Promise<string[]> {
  try {
    return await files.readdir(folder)
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    // As for any listing: without the private folder a mount is missing, not a backup.
    await files.lstat(layout.privateFolder)
    return []
  }
}
