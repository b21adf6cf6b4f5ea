// Finds which archives are due for a re-check, the longest unchecked first, without holding all of them.

import type { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { FolderReading } from './read-folders.ts'
import type { ArchiveRecord } from './record.ts'
import type { EntityListing, Unrecognised } from './stored-archive.ts'
import { isRotten } from './verify-judge.ts'

/** One archive to check, by where it is: its record is read again when its turn comes. */
export interface DueArchive {
  readonly entity: EntityRef
  readonly archivePath: string
  readonly recordPath: string
  /** By its record. */
  readonly sizeBytes: number
  /** Its place in the order; see {@link orderOf}. */
  readonly place: Place
}

/** Milliseconds since 1970 of the last check, then the path, so that no two places are equal. */
export type Place = readonly [checkedAtMs: number, path: string]

/** Something about a folder that keeps an archive from being checked at all. */
export type ScanFinding =
  | { readonly what: 'unreadable-folder'; readonly entity: EntityRef; readonly error: BackupError }
  | {
      readonly what: 'missing-archive' | 'missing-record' | 'broken-record'
      readonly entity: EntityRef
      readonly path: string
    }

export interface ScanOptions {
  /** Due is what was last checked before this. */
  readonly checkedBefore: Date
  /** When this pass began, in its first attempt: what it has checked since then is not due again. */
  readonly startedAt: Date
  /** Only what comes after this place. */
  readonly after?: Place | undefined
  /** Give back no more than so many, the first in order. */
  readonly limit: number
  readonly now: Date
  onFinding?(finding: ScanFinding): void
}

export interface Scan {
  readonly archives: number
  readonly archiveBytes: number
  readonly due: number
  readonly dueBytes: number
  /** What an earlier attempt of this pass has checked and is not due again. */
  readonly checkedBytes: number
  readonly first: readonly DueArchive[]
}

/** A record without archive younger than this may be a commit under way, or wait for a slow mount to show its archive. */
const MISSING_AFTER_MS = 24 * 3600_000
/** A check dated so far in the future was made by a wrong clock and says nothing. */
const CLOCK_TOLERANCE_MS = 24 * 3600_000

export async function scanDue(folders: AsyncIterable<FolderReading>, options: ScanOptions): Promise<Scan> {
  const totals = { archives: 0, archiveBytes: 0, due: 0, dueBytes: 0, checkedBytes: 0 }
  let first: DueArchive[] = []
  for await (const { entity, listing } of folders) {
    if (!('archives' in listing)) {
      options.onFinding?.({ what: 'unreadable-folder', entity, error: listing })
      continue
    }
    for (const finding of findStrays(entity, listing, options.now)) options.onFinding?.(finding)
    for (const { record, archivePath, recordPath } of listCheckable(entity, listing)) {
      const { sizeBytes } = record.archive
      totals.archives++
      totals.archiveBytes += sizeBytes
      const checkedAtMs = orderOf(record, options)
      if (wasCheckedSince(record, options)) totals.checkedBytes += sizeBytes
      if (checkedAtMs >= options.checkedBefore.getTime()) continue
      const place: Place = [checkedAtMs, archivePath]
      if (options.after && comparePlaces(place, options.after) <= 0) continue
      totals.due++
      totals.dueBytes += sizeBytes
      first.push({ entity, archivePath, recordPath, sizeBytes, place })
      if (first.length >= 2 * options.limit) first = takeFirst(first, options.limit)
    }
  }
  return { ...totals, first: takeFirst(first, options.limit) }
}

function takeFirst(archives: readonly DueArchive[], limit: number): DueArchive[] {
  return archives.toSorted((a, b) => comparePlaces(a.place, b.place)).slice(0, limit)
}

function comparePlaces(a: Place, b: Place): number {
  return a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)
}

/** An archive of another size than its record says is no archive to the store, but just what a re-check looks for. */
function listCheckable(entity: EntityRef, listing: EntityListing) {
  const resized = listing.unrecognised.flatMap(({ path, reason, record }) =>
    reason === 'size-differs' && record
      ? [{ entity, record, archivePath: path, recordPath: path.replace(/\.zip$/, '.json') }]
      : [],
  )
  return [...listing.archives, ...resized]
}

function* findStrays(entity: EntityRef, listing: EntityListing, now: Date): Generator<ScanFinding> {
  for (const stray of listing.unrecognised) {
    if (stray.reason === 'archive-without-record') yield { what: 'missing-record', entity, path: stray.path }
    if (stray.reason === 'broken-record') yield { what: 'broken-record', entity, path: stray.path }
    if (stray.reason === 'record-without-archive' && isLongMissing(stray, now)) {
      yield { what: 'missing-archive', entity, path: stray.path }
    }
  }
}

function isLongMissing({ record }: Unrecognised, now: Date): boolean {
  return record !== undefined && now.getTime() - Date.parse(record.verification.checkedAt) > MISSING_AFTER_MS
}

/**
 * When the archive was last checked. 0, so first of all, for a date that cannot be, and for damage that an earlier
 * attempt of this pass found: the attempt that ends the pass confirms what it names.
 */
function orderOf(record: ArchiveRecord, { now, startedAt }: ScanOptions): number {
  const checkedAtMs = Date.parse(record.verification.checkedAt)
  if (checkedAtMs > now.getTime() + CLOCK_TOLERANCE_MS) return 0
  return isRotten(record) && checkedAtMs >= startedAt.getTime() ? 0 : checkedAtMs
}

/**
 * Checked, and not just stored: a commit dates an archive's first check, at most a day after its export began. Damage is
 * looked at again, so it is not done with.
 */
function wasCheckedSince(record: ArchiveRecord, { startedAt }: ScanOptions): boolean {
  const storedBeforeMs = startedAt.getTime() - 24 * 3600_000
  const isStoredBefore = Date.parse(record.createdAt) < storedBeforeMs
  return isStoredBefore && !isRotten(record) && Date.parse(record.verification.checkedAt) >= startedAt.getTime()
}
