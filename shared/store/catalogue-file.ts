// The catalogue as a file: the essentials of every record, a line each, for people and other programs. A snapshot: it is
// rebuilt from the folders whenever it is written, and nothing in this product ever reads it.

import type { FileHandle } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities, listRecords } from './list-records.ts'
import { readFolders } from './read-folders.ts'
import { contentBytes, isGood, isSnapshot } from './record.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'
import { replaceFile } from './write-json.ts'

export interface CatalogueTotals {
  readonly path: string
  entities: number
  archives: number
  sizeBytes: number
  /** Folders that could not be read: they have a line that says so in place of their archives'. */
  unread: number
}

const CHUNK_LENGTH = 64 * 1024

/**
 * Lines of JSON: a head (`type` `catalogue`), then for each entity its archives (`archive`), newest first, or
 * `unreadable-folder`; at last a line of `type` `end` with the numbers. Atomic; memory stays flat.
 */
export async function writeCatalogue(
  files: FileOperations,
  layout: Layout,
  now: Date,
  signal: AbortSignal,
): Promise<CatalogueTotals> {
  const totals: CatalogueTotals = { path: layout.catalogue, entities: 0, archives: 0, sizeBytes: 0, unread: 0 }
  const write = { temporaryPath: layout.newTemporary('catalogue', now), finalPath: layout.catalogue }
  await withStoreErrors('Writing the catalogue', () =>
    replaceFile(files, write, (handle) => writeInChunks(handle, listLines(files, layout, now, totals, signal))),
  )
  return totals
}

async function* listLines(
  files: FileOperations,
  layout: Layout,
  now: Date,
  totals: CatalogueTotals,
  signal: AbortSignal,
): AsyncGenerator<object> {
  yield { type: 'catalogue', formatVersion: 1, writtenAt: now.toISOString() }
  const read = (entity: Parameters<typeof formatEntity>[0]) => listRecords(files, layout, entity)
  for await (const { entity, listing } of readFolders(listEntities(files, layout), read, signal)) {
    totals.entities++
    if ('archives' in listing) {
      for (const archive of listing.archives) {
        totals.archives++
        totals.sizeBytes += archive.record.archive.sizeBytes
        yield describeArchive(archive, layout)
      }
    } else {
      totals.unread++
      yield { type: 'unreadable-folder', entity: formatEntity(entity), reason: describeError(listing) }
    }
  }
  const { path: _, ...numbers } = totals
  yield { type: 'end', ...numbers }
}

function describeArchive({ entity, record, archivePath }: StoredArchive, layout: Layout) {
  const { archive, observation, verification } = record
  return {
    type: 'archive',
    entity: formatEntity(entity),
    name: observation.name,
    organization: observation.organization,
    server: record.server.url,
    content: record.series.content,
    createdAt: record.createdAt,
    good: isGood(record),
    level: verification.level,
    drilledAt: verification.drill?.at ?? null,
    restored: verification.drill?.ok ?? null,
    checkedAt: verification.checkedAt,
    problems: verification.problems.map(({ code }) => code),
    warnings: verification.warnings.map(({ code }) => code),
    sizeBytes: archive.sizeBytes,
    contentBytes: contentBytes(record),
    snapshot: isSnapshot(record),
    mediaFrom: record.mediaFrom?.fileName ?? null,
    sha256: archive.sha256,
    path: relative(layout.directory, archivePath).replaceAll(sep, '/'),
  }
}

async function writeInChunks(handle: FileHandle, lines: AsyncIterable<object>): Promise<void> {
  let pending = ''
  for await (const line of lines) {
    pending += `${JSON.stringify(line)}\n`
    if (pending.length < CHUNK_LENGTH) continue
    await handle.writeFile(pending)
    pending = ''
  }
  await handle.writeFile(pending)
}
