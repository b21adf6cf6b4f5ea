// Which archives may go: a pure decision with a reason for each, so that a dry run tells what a sweep would do.

import { type ArchiveRecord, formatServerSeries, isGood } from '#shared/store/record.ts'

/** What is looked at: an archive's own record, never the folder or a modification time. */
export interface RetentionSubject {
  readonly record: Pick<ArchiveRecord, 'series' | 'server' | 'createdAt' | 'verification'> & {
    readonly archive: Pick<ArchiveRecord['archive'], 'fileName'>
  }
}

export interface RetentionOptions {
  readonly now: Date
  /** An archive younger than this is kept; its age counts from when the export was asked for. */
  readonly ttlMs: number
  /** So many of the newest good archives of each series are kept whatever their age; 0 is taken as 1. */
  readonly minBackups: number
}

export interface RetentionDecision<Archive> {
  readonly archive: Archive
  readonly action: 'keep' | 'remove'
  /** Half a sentence: `is 800 h old, past the limit of 720 h, and its series has 3 newer good archives`. */
  readonly reason: string
}

/**
 * Decides about archives of any number of series, given in any order; series of different servers are different.
 * A good archive goes when it is older than the limit and enough newer good ones remain. One with problems goes when it
 * is older than the limit and any newer archive remains: it never takes the place of a good one. One from the future (a
 * clock was wrong) is kept and makes nothing else superfluous. So no series ever becomes empty.
 */
export function planRetention<Archive extends RetentionSubject>(
  archives: readonly Archive[],
  options: RetentionOptions,
): RetentionDecision<Archive>[] {
  if (!(options.ttlMs >= 0) || !(options.minBackups >= 0)) throw new RangeError('Retention limits must not be negative')
  const series = Map.groupBy(archives, ({ record }) => formatServerSeries(record))
  return [...series.values()].flatMap((members) => planSeries(members, options))
}

function planSeries<Archive extends RetentionSubject>(
  archives: readonly Archive[],
  { now, ttlMs, minBackups }: RetentionOptions,
): RetentionDecision<Archive>[] {
  const minimum = Math.max(1, minBackups)
  let newerGood = 0
  let newerAny = 0
  return archives.toSorted(compareNewestFirst).map((archive) => {
    const ageMs = now.getTime() - Date.parse(archive.record.createdAt)
    const decide = (action: 'keep' | 'remove', reason: string) => ({ archive, action, reason })
    if (!(ageMs >= 0)) return decide('keep', `is dated in the future (${archive.record.createdAt})`)
    const good = isGood(archive.record)
    const [goodBefore, anyBefore] = [newerGood, newerAny]
    newerAny += 1
    if (good) newerGood += 1
    if (ageMs <= ttlMs) return decide('keep', `is ${showHours(ageMs)} old, the limit is ${showHours(ttlMs)}`)
    const age = `is ${showHours(ageMs)} old, past the limit of ${showHours(ttlMs)}`
    if (!good) {
      if (anyBefore === 0) return decide('keep', 'has problems, but no newer archive of its series exists')
      return decide('remove', `has problems, ${age}, and its series has ${count(anyBefore, 'newer archive')}`)
    }
    if (goodBefore < minimum) return decide('keep', describeMinimum(goodBefore, minimum))
    return decide('remove', `${age}, and its series has ${count(goodBefore, 'newer good archive')}`)
  })
}

function compareNewestFirst(a: RetentionSubject, b: RetentionSubject): number {
  const byTime = Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt)
  if (byTime !== 0 && !Number.isNaN(byTime)) return byTime
  // One second, or no date at all: any order will do that does not depend on the input's.
  return a.record.archive.fileName < b.record.archive.fileName ? 1 : -1
}

function describeMinimum(goodBefore: number, minimum: number): string {
  return goodBefore === 0
    ? 'is the newest good archive of its series'
    : `is one of the ${minimum} newest good archives of its series`
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`
}

function showHours(ms: number): string {
  return `${Math.round(ms / 360_000) / 10} h`
}
