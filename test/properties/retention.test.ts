import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openCalendar } from '#shared/retention/calendar-periods.ts'
import { planRetention, type RetentionSubject } from '#shared/retention/plan-retention.ts'
import { shiftBySpan, type TimeSpan } from '#shared/retention/time-span.ts'
import { formatServerSeries, isGood, isStale } from '#shared/store/record.ts'
import {
  always,
  archives,
  areEqual,
  hourMs,
  isWithin,
  keptOf,
  type Limits,
  limits,
  madeAt,
  now,
} from './retention-world.ts'

const isFuture = (one: RetentionSubject, at = now) => madeAt(one) > at.getTime()

/** Good archives by series, newest first, without those from the future. */
function goodSeries(all: readonly RetentionSubject[]): RetentionSubject[][] {
  const good = all.filter((one) => isGood(one.record) && !isFuture(one))
  return [...Map.groupBy(good, (one) => formatServerSeries(one.record)).values()].map((group) =>
    group.toSorted((a, b) => madeAt(b) - madeAt(a)),
  )
}

describe('planning retention', () => {
  test('decides about every archive exactly once: what is kept and what is removed make up all', () => {
    always((all, given) => {
      const decided = planRetention(all, { now, ...given }).map(({ archive }) => archive)
      return decided.length === all.length && areEqual(new Set(decided), new Set(all))
    })
  })

  test('gives at least one reason for each decision', () => {
    always((all, given) =>
      planRetention(all, { now, ...given }).every(
        ({ reasons }) => reasons.length > 0 && reasons.every((reason) => reason !== ''),
      ),
    )
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
      return goodSeries(all).every((group) => group.some((one) => madeAt(one) === madeAt(group[0]!) && kept.has(one)))
    })
  })

  test('keeps of each series something that holds all of the newest state that was ever held whole', () => {
    const isWhole = ({ record }: RetentionSubject) => isGood(record) || isStale(record)
    always((all, given) => {
      const kept = keptOf(all, given)
      const whole = all.filter((one) => isWhole(one) && !isFuture(one))
      return [...Map.groupBy(whole, (one) => formatServerSeries(one.record)).values()].every((group) => {
        const newest = Math.max(...group.map(madeAt))
        return group.some((one) => madeAt(one) === newest && kept.has(one))
      })
    })
  })

  test('keeps at least the minimum, and the last, of good archives where there are so many', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      const wanted = Math.max(given.minBackups, given.keepLast ?? 0)
      return goodSeries(all).every(
        (group) => group.filter((one) => kept.has(one)).length >= Math.min(group.length, wanted),
      )
    })
  })

  test('removes nothing that is younger than the TTL or dated in the future', () => {
    always((all, given) => {
      const kept = keptOf(all, given)
      return all.every((one) => kept.has(one) || now.getTime() - madeAt(one) > given.ttlMs)
    })
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

  test('makes no other decision about what is past because of archives from the future', () => {
    always((all, given) => {
      const past = all.filter((one) => !isFuture(one))
      const keptPast = new Set([...keptOf(all, given)].filter((one) => !isFuture(one)))
      return areEqual(keptOf(past, given), keptPast)
    })
  })

  test('tells archives of one second apart, in the same way each time', () => {
    always((all, given) => {
      const second = Math.floor((now.getTime() - 200 * hourMs) / 1000) * 1000
      const crowd = all.map(({ record }) => ({ record: { ...record, createdAt: new Date(second).toISOString() } }))
      const names = (some: Iterable<RetentionSubject>) => [...some].map((one) => one.record.archive.fileName).toSorted()
      const kept = names(keptOf(crowd, given))
      return (
        kept.length >= new Set(crowd.map((one) => formatServerSeries(one.record))).size &&
        JSON.stringify(kept) === JSON.stringify(names(keptOf(crowd.toReversed(), given)))
      )
    })
  })
})

describe('a limit', () => {
  const counted = [
    'minBackups',
    'keepLast',
    'keepHourly',
    'keepDaily',
    'keepWeekly',
    'keepMonthly',
    'keepYearly',
  ] as const

  test.each([...counted, 'ttlMs'] as const)('%s keeps no less when it is higher', (name) => {
    const unit = name === 'ttlMs' ? hourMs : 1
    fc.assert(
      fc.property(archives, limits, fc.integer({ min: 0, max: 50 }), (all, given, extra) =>
        isWithin(keptOf(all, given), keptOf(all, { ...given, [name]: (given[name] ?? 0) + extra * unit })),
      ),
    )
  })

  test.each(['keepWithin', 'keepDeleted'] as const)('%s keeps no less when it is longer', (name) => {
    const shorter: TimeSpan = { years: 0, months: 3, days: 5, hours: 7 }
    fc.assert(
      fc.property(archives, limits, fc.constantFrom('years', 'months', 'days', 'hours'), (all, given, unit) =>
        isWithin(
          keptOf(all, { ...given, [name]: shorter }),
          keptOf(all, { ...given, [name]: { ...shorter, [unit]: shorter[unit as keyof TimeSpan] + 9 } }),
        ),
      ),
    )
  })

  test('keepDeleted keeps all when it is not set, and that of an entity that is there changes nothing', () => {
    always((all, given) => {
      const deletedSince = now.toISOString()
      const forever = keptOf(all, { ...given, deletedSince, keepDeleted: undefined })
      const there = { ...given, deletedSince: undefined }
      return (
        forever.size === all.length && areEqual(keptOf(all, there), keptOf(all, { ...there, keepDeleted: undefined }))
      )
    })
  })

  test.each([
    ['keepHourly', 'hour'],
    ['keepDaily', 'day'],
    ['keepWeekly', 'week'],
    ['keepMonthly', 'month'],
    ['keepYearly', 'year'],
  ] as const)('%s by itself keeps exactly the newest of each of the last periods, in any time zone', (name, period) => {
    fc.assert(
      fc.property(archives, limits, fc.integer({ min: 1, max: 8 }), (all, { timeZone }, limit) => {
        const kept = keptOf(all, { ttlMs: 0, minBackups: 0, timeZone, [name]: limit })
        const periodOf = openCalendar(timeZone)
        for (const group of goodSeries(all)) {
          const groups = [...Map.groupBy(group, (one) => periodOf(madeAt(one))[period]).values()].slice(0, limit)
          const expected = groups.map((members) => madeAt(members[0]!))
          const found = group.filter((one) => kept.has(one) && madeAt(one) < now.getTime()).map(madeAt)
          expect(found.toSorted()).toEqual(expected.filter((ms) => ms < now.getTime()).toSorted())
        }
      }),
    )
  })

  test('keepWithin by itself keeps exactly what is so much older than the newest', () => {
    fc.assert(
      fc.property(archives, limits, (all, { keepWithin = { years: 0, months: 1, days: 0, hours: 0 } }) => {
        const kept = keptOf(all, { ttlMs: 0, minBackups: 0, keepWithin })
        for (const group of goodSeries(all)) {
          const fromMs = shiftBySpan(madeAt(group[0]!), keepWithin, -1)
          for (const one of group) expect(kept.has(one)).toBe(madeAt(one) >= fromMs || madeAt(one) === now.getTime())
        }
      }),
    )
  })
})

describe('the clock', () => {
  test('makes no archive of the past superfluous by going back: everything is of the future then', () => {
    always((all, given) => {
      const before = new Date(Math.min(now.getTime(), ...all.map(madeAt)) - 1)
      return keptOf(all, { ...given, now: before }).size === all.length
    })
  })

  test('going on makes retention no more generous, once no date lies in the future', () => {
    fc.assert(
      fc.property(archives, limits, fc.integer({ min: 0, max: 50_000 }), (all, given, hoursLater) => {
        const past = all.filter((one) => !isFuture(one))
        const later = new Date(now.getTime() + hoursLater * hourMs)
        return isWithin(keptOf(past, { ...given, now: later }), keptOf(past, given))
      }),
    )
  })

  test('leaping ahead still leaves what the rules count: minimum, calendar and span do not look at it', () => {
    always((all, given) => {
      const past = all.filter((one) => !isFuture(one))
      const there: Limits = { ...given, ttlMs: 0, deletedSince: undefined }
      const atOnce = { ...there, now: new Date(now.getTime() + 1) }
      const inAnAge = { ...there, now: new Date('2199-01-01T00:00:00Z') }
      return areEqual(keptOf(past, atOnce), keptOf(past, inAnAge))
    })
  })

  test('swept after each backup keeps the same by the calendar as swept once at the end', () => {
    const rules = { ttlMs: 0, minBackups: 1, keepDaily: 4, keepWeekly: 3, keepMonthly: 3, keepYearly: 2 }
    fc.assert(
      fc.property(archives, limits, (all, { timeZone }) => {
        const past = all.filter((one) => !isFuture(one)).toSorted((a, b) => madeAt(a) - madeAt(b))
        let stored: RetentionSubject[] = []
        for (const one of past) {
          stored = [...keptOf([...stored, one], { ...rules, timeZone, now: new Date(madeAt(one)) })]
        }
        const swept = keptOf(stored, { ...rules, timeZone })
        const good = (some: Iterable<RetentionSubject>) => new Set([...some].filter(({ record }) => isGood(record)))
        return areEqual(good(swept), good(keptOf(past, { ...rules, timeZone })))
      }),
    )
  })
})
