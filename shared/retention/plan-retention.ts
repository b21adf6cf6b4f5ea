// Which archives may go: a pure decision with reasons for each, so that a dry run tells what a sweep would do.

import { type ArchiveRecord, formatServerSeries, isGood, isStale } from '#shared/store/record.ts'
import { type KeepLimits, type KeepRule, openKeepRules } from './keep-rules.ts'
import { formatTimeSpan, shiftBySpan, type TimeSpan } from './time-span.ts'

/** What is looked at: an archive's own record, never the folder or a modification time. */
export interface RetentionSubject {
  readonly record: Pick<ArchiveRecord, 'series' | 'server' | 'createdAt' | 'verification'> & {
    readonly archive: Pick<ArchiveRecord['archive'], 'fileName'>
    readonly mediaFrom?: ArchiveRecord['mediaFrom']
    readonly origin?: Pick<ArchiveRecord['origin'], 'adoptedAt' | 'part'>
  }
}

export interface RetentionRules extends KeepLimits {
  /** An archive younger than this is kept; its age counts from when the export was asked for, or from its adoption. */
  readonly ttlMs: number
  /** So many of the newest good archives of each series are kept whatever their age; 0 is taken as 1. */
  readonly minBackups: number
  /** How long everything stays of an entity that was deleted on its server; absent: for ever. */
  readonly keepDeleted?: TimeSpan | undefined
}

export interface RetentionOptions extends RetentionRules {
  readonly now: Date
  /** Since when the entity of these archives is known to be deleted on its server, ISO 8601; absent while it is there. */
  readonly deletedSince?: string | undefined
}

export interface RetentionDecision<Archive> {
  readonly archive: Archive
  readonly action: 'keep' | 'remove'
  /** Never empty: every rule that keeps it (`daily 3 of 7`), or what lets it go (`40 h old, past the TTL of 24 h`). */
  readonly reasons: readonly string[]
}

/**
 * Decides about archives of any number of series, given in any order; series of different servers are different.
 * A good archive goes when it is older than the TTL and no keep rule holds it; the newest good one never does. One with
 * problems goes when it is older than the TTL and a newer archive is there, but a stale one, which has everything in it, only for
 * one that is good or stale as well. None of them ever takes the place of a better one. One
 * from the future (a clock was wrong) is kept and makes nothing else superfluous. So no series ever becomes empty.
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
  options: RetentionOptions,
): RetentionDecision<Archive>[] {
  const hold = describeHold(options)
  const rules = openKeepRules(Math.max(1, options.minBackups), options)
  let newerGood = 0
  let newerWhole = 0
  let newerAny = 0
  return archives.toSorted(compareNewestFirst).map((archive) => {
    const { createdAt, origin } = archive.record
    const createdAtMs = Date.parse(createdAt)
    const nowMs = options.now.getTime()
    if (!(nowMs - createdAtMs >= 0)) return { archive, action: 'keep', reasons: [`dated in the future (${createdAt})`] }
    // An adopted archive's order is that of its content; how old the file is nobody knows (decision 0008).
    const ageMs = nowMs - Date.parse(origin?.adoptedAt ?? createdAt)
    const age = origin?.adoptedAt === undefined ? `${showHours(ageMs)} old` : `adopted ${showHours(ageMs)} ago`
    const isYoung = ageMs <= options.ttlMs
    const [good, stale] = [isGood(archive.record), isStale(archive.record)]
    const kept = [...(hold ?? []), ...(isYoung ? [`${age}, within the TTL of ${showHours(options.ttlMs)}`] : [])]
    const gone = [`${age}, past the TTL of ${showHours(options.ttlMs)}`]
    if (good) {
      kept.unshift(...(newerGood === 0 ? ['newest good archive of its series'] : []))
      // A part stays with its snapshots (protect-parts.ts): those have these rules.
      if (!origin?.part) kept.push(...askRules(rules, createdAtMs))
      if (origin?.part) gone.unshift('made for snapshots')
      gone.push(count(newerGood, 'newer good archive'))
      newerGood += 1
    } else if (stale) {
      kept.unshift(...(newerWhole === 0 ? ['stale, but nothing newer is whole'] : []))
      gone.unshift('stale')
      gone.push(count(newerWhole, 'newer good or stale archive'))
    } else {
      kept.unshift(...(newerAny === 0 ? ['has problems, but nothing newer is there'] : []))
      gone.unshift('has problems')
      gone.push(count(newerAny, 'newer archive'))
    }
    if (good || stale) newerWhole += 1
    newerAny += 1
    return kept.length > 0 ? { archive, action: 'keep', reasons: kept } : { archive, action: 'remove', reasons: gone }
  })
}

/** Why everything stays of an entity that its server no longer has; undefined when it is there or the time is over. */
function describeHold({ now, deletedSince, keepDeleted }: RetentionOptions): string[] | undefined {
  if (deletedSince === undefined) return undefined
  const day = deletedSince.slice(0, 10)
  if (!keepDeleted) return [`deleted on the server (noticed on ${day}), kept for ever`]
  if (now.getTime() > shiftBySpan(Date.parse(deletedSince), keepDeleted, 1)) return undefined
  return [`deleted on the server (noticed on ${day}), kept for ${formatTimeSpan(keepDeleted)}`]
}

function askRules(rules: readonly KeepRule[], createdAtMs: number): string[] {
  return rules.map((rule) => rule(createdAtMs)).filter((reason) => reason !== undefined)
}

function compareNewestFirst(a: RetentionSubject, b: RetentionSubject): number {
  const byTime = Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt)
  if (byTime !== 0 && !Number.isNaN(byTime)) return byTime
  // One second, or no date at all: any order will do that does not depend on the input's.
  return a.record.archive.fileName < b.record.archive.fileName ? 1 : -1
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`
}

function showHours(ms: number): string {
  return `${Math.round(ms / 360_000) / 10} h`
}
