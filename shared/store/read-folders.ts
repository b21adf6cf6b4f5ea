// Reads many entities' folders, some at a time: a network mount answers slowly, one folder after another takes too long.

import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { EntityListing } from './stored-archive.ts'

export interface FolderReading {
  readonly entity: EntityRef
  /** The listing, or why this one folder could not be read. */
  readonly listing: EntityListing | BackupError
}

/** Folders read at a time. Each reads some records at a time too. */
const PARALLEL_FOLDERS = 4

/**
 * Yields in the order of `entities` and holds no more than some folders' records. A folder that cannot be read is
 * yielded as its error; only a fault of the listing itself ends everything.
 */
export async function* readFolders(
  entities: AsyncIterable<EntityRef> | Iterable<EntityRef>,
  listRecords: (entity: EntityRef) => Promise<EntityListing>,
  signal?: AbortSignal,
): AsyncGenerator<FolderReading> {
  const underWay: Promise<FolderReading>[] = []
  const read = async (entity: EntityRef): Promise<FolderReading> => {
    try {
      return { entity, listing: await listRecords(entity) }
    } catch (error) {
      if (error instanceof BackupError) return { entity, listing: error }
      throw new Error(`Reading the folder of ${formatEntity(entity)} failed`, { cause: error })
    }
  }
  try {
    for await (const entity of entities) {
      signal?.throwIfAborted()
      underWay.push(read(entity))
      if (underWay.length >= PARALLEL_FOLDERS) yield await underWay.shift()!
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    // Left early: nobody will ask how these end.
    await Promise.allSettled(underWay)
  }
}
