import fc from 'fast-check'
import { describe, test } from 'vitest'
import { planRetention, type RetentionSubject } from '#services/sweeper/plan-retention.ts'
import { formatServerSeries, isGood } from '#shared/store/record.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const hour = 3_600_000

const subject = fc
  .record({
    hoursOld: fc.oneof(fc.integer({ min: -48, max: 400 }), fc.constantFrom(0, 24, 100)),
    good: fc.boolean(),
    id: fc.integer({ min: 1, max: 2 }),
    serverUrl: fc.constantFrom('https://one', 'https://two'),
    fileName: fc.uuid(),
  })
  .map(({ hoursOld, good, id, serverUrl, fileName }): RetentionSubject => {
    const problems = good ? [] : [{ code: 'no-media', message: 'no media' }]
    return {
      record: {
        series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
        server: { url: serverUrl, version: null },
        createdAt: new Date(now.getTime() - hoursOld * hour).toISOString(),
        archive: { fileName },
        verification: { level: good ? 'complete' : 'sound', checkedAt: now.toISOString(), problems, warnings: [] },
      },
    }
  })
const archives = fc.uniqueArray(subject, { maxLength: 30, selector: ({ record }) => record.archive.fileName })
const ttlMs = fc.integer({ min: 0, max: 500 }).map((hours) => hours * hour)
const minBackups = fc.integer({ min: 0, max: 8 })
const limits = fc.record({ ttlMs, minBackups })

interface Limits {
  readonly ttlMs: number
  readonly minBackups: number
  readonly now?: Date
}

function keptOf(all: readonly RetentionSubject[], given: Limits): ReadonlySet<RetentionSubject> {
  const decisions = planRetention(all, { now, ...given })
  return new Set(decisions.filter(({ action }) => action === 'keep').map(({ archive }) => archive))
}

/** The claim holds for any archives and any limits. */
function always(claim: (all: RetentionSubject[], given: Limits) => boolean): void {
  fc.assert(fc.property(archives, limits, claim), { numRuns: 500 })
}

const isWithin = <T>(small: ReadonlySet<T>, large: ReadonlySet<T>) => [...small].every((one) => large.has(one))

const areEqual = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>) => a.size === b.size && isWithin(a, b)

const ageMs = ({ record }: RetentionSubject) => now.getTime() - Date.parse(record.createdAt)

describe('planning retention', () => {
  test('decides about every archive exactly once', () => {
    always((all, given) => {
      const decided = planRetention(all, { now, ...given }).map(({ archive }) => archive)
      return decided.length === all.length && areEqual(new Set(decided), new Set(all))
    })
  })

  test('never empties a series', () => {
    always((all, given) => {
      const keys = (some: Iterable<RetentionSubject>) => new Set([...some].map((one) => formatServerSeries(one.record)))
      return areEqual(keys(all), keys(keptOf(all, given)))
    })
  })

  test('never removes the newest good archive of a series, clocks gone wrong apart', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      const good = all.filter((one) => isGood(one.record) && ageMs(one) >= 0)
      return [...Map.groupBy(good, (one) => formatServerSeries(one.record)).values()].every((group) => {
        const newest = Math.min(...group.map(ageMs))
        return group.some((one) => ageMs(one) === newest && kept.has(one))
      })
    })
  })

  test('keeps at least the minimum of good archives where there are so many', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      const good = all.filter(({ record }) => isGood(record))
      return [...Map.groupBy(good, (one) => formatServerSeries(one.record)).values()].every(
        (group) => group.filter((one) => kept.has(one)).length >= Math.min(group.length, given.minBackups),
      )
    })
  })

  test('removes nothing that is younger than the limit or dated in the future', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      return all.every((one) => kept.has(one) || ageMs(one) > given.ttlMs)
    })
  })

  test('keeps no less when the limit of age is higher', () => {
    fc.assert(
      fc.property(archives, limits, ttlMs, (all, given, extraMs) =>
        isWithin(keptOf(all, given), keptOf(all, { ...given, ttlMs: given.ttlMs + extraMs })),
      ),
    )
  })

  test('keeps no less when the minimum is higher', () => {
    fc.assert(
      fc.property(archives, limits, minBackups, (all, given, extra) =>
        isWithin(keptOf(all, given), keptOf(all, { ...given, minBackups: given.minBackups + extra })),
      ),
    )
  })

  test('does not depend on the order of what it is given', () => {
    const shuffled = archives.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, limits, ([all, mixed], given) => areEqual(keptOf(all, given), keptOf(mixed, given))),
    )
  })

  test('planned again on what was kept removes nothing', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      return areEqual(keptOf([...kept], given), kept)
    })
  })

  test('makes no other decision about good archives because of others with problems', () => {
    always((all, given) => {
      const good = all.filter(({ record }) => isGood(record))
      const keptGood = new Set([...keptOf(all, given)].filter(({ record }) => isGood(record)))
      return areEqual(keptOf(good, given), keptGood)
    })
  })

  test('is no more generous later, once no date lies in the future', () => {
    const past = archives.map((all) => all.filter((one) => ageMs(one) >= 0))
    fc.assert(
      fc.property(past, limits, fc.integer({ min: 0, max: 1000 }), (all, given, hoursLater) => {
        const later = new Date(now.getTime() + hoursLater * hour)
        return isWithin(keptOf(all, { ...given, now: later }), keptOf(all, given))
      }),
    )
  })
})
