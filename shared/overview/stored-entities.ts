// What the backup directory holds of each project and task, in a few facts each, kept in memory: a page of thousands of rows
// must not read thousands of folders. The directory stays the truth: what is here is read from it again and again.

import { describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { type ArchiveState, stateOf } from '#shared/retention/collect-history.ts'
import type { Store } from '#shared/store/open-store.ts'
import { readFolders } from '#shared/store/read-folders.ts'
import { contentBytes, isGood, provenLevel } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/** One entity of one server. */
export interface StoredEntity {
  readonly entity: EntityRef
  /** Normalised. */
  readonly serverUrl: string
  /** By its newest archive. */
  readonly name: string
  /** Slug; null: personal. */
  readonly organization: string | null
  readonly archives: number
  /** Of all its archives. */
  readonly storedBytes: number
  /** The newest archive, whatever it is worth. */
  readonly newest: { readonly createdAtMs: number; readonly state: ArchiveState }
  readonly newestGood: { readonly createdAtMs: number; readonly sizeBytes: number; readonly level: string } | undefined
  /** ISO 8601; undefined while the server has it, or nobody has asked. */
  readonly deletedSince: string | undefined
}

export interface Reading {
  /** Folders of the pass that is under way. */
  readonly folders: number
  readonly isUnderWay: boolean
  /** Milliseconds since 1970; undefined before the first pass has ended. */
  readonly completedAtMs: number | undefined
  /** Folders that could not be read in the last whole pass, with their reasons; the first hundred. */
  readonly unread: readonly { readonly entity: string; readonly reason: string }[]
  /** Why the last pass broke off: the directory itself is away. */
  readonly problem: string | undefined
}

export interface StoredEntities {
  /** All servers of one entity; empty when nothing of it is stored, or not read yet. */
  of(entity: EntityRef): readonly StoredEntity[]
  all(): Iterable<StoredEntity>
  /** By the day (`2026-11-26`, UTC) on which they were made: bytes of the archives that are there, at the last whole pass. */
  bytesByDay(): ReadonlyMap<string, number>
  reading(): Reading
  /** Reads everything again, some folders at a time. One pass at a time: a second call waits for the first one's end. */
  readAll(signal: AbortSignal): Promise<void>
  /** Reads one folder again. */
  readOne(entity: EntityRef): Promise<void>
}

type ReadStore = Pick<Store, 'listEntities' | 'listRecords' | 'readDeletedMarker'>

const UNREAD_NAMED = 100

export function openStoredEntities(store: ReadStore, now: () => number): StoredEntities {
  const known = new Map<string, readonly StoredEntity[]>()
  let bytesByDay = new Map<string, number>()
  let underWay: Promise<void> | undefined
  let reading: Reading = { folders: 0, isUnderWay: false, completedAtMs: undefined, unread: [], problem: undefined }

  async function readAll(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>()
    const days = new Map<string, number>()
    const unread: { entity: string; reason: string }[] = []
    reading = { ...reading, folders: 0, isUnderWay: true }
    try {
      for await (const { entity, listing } of readFolders(store.listEntities(), store.listRecords, signal)) {
        const key = formatEntity(entity)
        seen.add(key)
        reading = { ...reading, folders: seen.size }
        if (!('archives' in listing)) {
          if (unread.length < UNREAD_NAMED) unread.push({ entity: key, reason: describeError(listing) })
          continue
        }
        for (const { record } of listing.archives) {
          const day = record.createdAt.slice(0, 10)
          days.set(day, (days.get(day) ?? 0) + record.archive.sizeBytes)
        }
        known.set(key, await digestArchives(entity, listing.archives, store))
      }
      for (const key of known.keys()) if (!seen.has(key)) known.delete(key)
      bytesByDay = days
      reading = { folders: seen.size, isUnderWay: false, completedAtMs: now(), unread, problem: undefined }
    } catch (error) {
      reading = { ...reading, isUnderWay: false, problem: describeError(error) }
      signal.throwIfAborted()
    }
  }

  return {
    of: (entity) => known.get(formatEntity(entity)) ?? [],
    *all() {
      for (const entities of known.values()) yield* entities
    },
    bytesByDay: () => bytesByDay,
    reading: () => reading,
    readAll(signal) {
      underWay ??= readAll(signal).finally(() => {
        underWay = undefined
      })
      return underWay
    },
    async readOne(entity) {
      const { archives } = await store.listRecords(entity)
      const digests = await digestArchives(entity, archives, store)
      if (digests.length > 0) known.set(formatEntity(entity), digests)
      else known.delete(formatEntity(entity))
    },
  }
}

async function digestArchives(
  entity: EntityRef,
  archives: readonly StoredArchive[],
  store: Pick<Store, 'readDeletedMarker'>,
): Promise<StoredEntity[]> {
  const digests: StoredEntity[] = []
  for (const [serverUrl, own] of Map.groupBy(archives, ({ record }) => record.server.url)) {
    const deletedSince = (await store.readDeletedMarker(entity, serverUrl))?.since
    digests.push({ ...digest(entity, serverUrl, own), deletedSince })
  }
  return digests
}

/** @param archives of one server, newest first, at least one. Backups count before annotation exports. */
function digest(
  entity: EntityRef,
  serverUrl: string,
  archives: readonly StoredArchive[],
): Omit<StoredEntity, 'deletedSince'> {
  const backups = archives.filter(({ record }) => record.series.content.kind === 'backup')
  const counting = backups.length > 0 ? backups : archives
  const newest = counting[0]!.record
  const good = counting.find(({ record }) => isGood(record))?.record
  return {
    entity,
    serverUrl,
    name: archives[0]!.record.observation.name,
    organization: archives[0]!.record.observation.organization,
    archives: archives.length,
    storedBytes: archives.reduce((sum, { record }) => sum + record.archive.sizeBytes, 0),
    newest: { createdAtMs: Date.parse(newest.createdAt), state: stateOf(newest) },
    newestGood: good && {
      createdAtMs: Date.parse(good.createdAt),
      sizeBytes: contentBytes(good),
      level: provenLevel(good),
    },
  }
}
