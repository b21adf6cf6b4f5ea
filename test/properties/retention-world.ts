// Archives, limits and clocks as fast-check makes them up, and what the properties of retention ask about a plan.

import fc from 'fast-check'
import { planRetention, type RetentionOptions, type RetentionSubject } from '#shared/retention/plan-retention.ts'

export const now = new Date('2026-11-22T12:00:00.000Z')
export const hourMs = 3_600_000

export type Limits = Omit<RetentionOptions, 'now'> & { readonly now?: Date }

/** Ages that crowd around hours, midnights and changes of summer time, and a few years; some lie in the future. */
const ageMs = fc.oneof(
  fc.integer({ min: -48 * 60, max: 400 * 60 }).map((minutes) => minutes * 60_000),
  fc.integer({ min: 0, max: 5 * 365 * 24 }).map((hours) => hours * hourMs),
  fc.constantFrom(0, 24 * hourMs, 100 * hourMs, 101 * hourMs),
  // The night of 2026-10-25, when clocks are set back in Europe.
  fc.integer({ min: -180, max: 180 }).map((minutes) => now.getTime() - Date.UTC(2026, 9, 25, 1) + minutes * 60_000),
)

const subject = fc
  .record({
    ageMs,
    state: fc.constantFrom('good', 'good', 'stale', 'incomplete'),
    id: fc.integer({ min: 1, max: 2 }),
    serverUrl: fc.constantFrom('https://one', 'https://two'),
    fileName: fc.uuid(),
  })
  .map((plan): RetentionSubject => {
    const problems = plan.state === 'good' ? [] : [{ code: plan.state === 'stale' ? 'stale' : 'no-media', message: '' }]
    const level = plan.state === 'incomplete' ? 'sound' : 'complete'
    return {
      record: {
        series: { entity: { type: 'project', id: plan.id }, content: { kind: 'backup' } },
        server: { url: plan.serverUrl, version: null },
        createdAt: new Date(now.getTime() - plan.ageMs).toISOString(),
        archive: { fileName: plan.fileName },
        verification: { level, checkedAt: now.toISOString(), problems, warnings: [] },
      },
    }
  })

export const archives = fc.uniqueArray(subject, { maxLength: 30, selector: ({ record }) => record.archive.fileName })

export const timeZones = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/St_Johns',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
)

const number = fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined })
const span = fc.record({
  years: fc.integer({ min: 0, max: 2 }),
  months: fc.integer({ min: 0, max: 14 }),
  days: fc.integer({ min: 0, max: 40 }),
  hours: fc.integer({ min: 0, max: 40 }),
})

export const limits = fc.record({
  ttlMs: fc.integer({ min: 0, max: 500 }).map((hours) => hours * hourMs),
  minBackups: fc.integer({ min: 0, max: 8 }),
  keepLast: number,
  keepHourly: number,
  keepDaily: number,
  keepWeekly: number,
  keepMonthly: number,
  keepYearly: number,
  keepWithin: fc.option(span, { nil: undefined }),
  keepDeleted: fc.option(span, { nil: undefined }),
  deletedSince: fc.option(
    ageMs.map((age) => new Date(now.getTime() - age).toISOString()),
    { nil: undefined, freq: 1 },
  ),
  timeZone: timeZones,
})

export function keptOf(all: readonly RetentionSubject[], given: Limits): ReadonlySet<RetentionSubject> {
  const decisions = planRetention(all, { now, ...given })
  return new Set(decisions.filter(({ action }) => action === 'keep').map(({ archive }) => archive))
}

/** The claim holds for any archives and any limits. */
export function always(claim: (all: RetentionSubject[], given: Limits) => boolean): void {
  fc.assert(fc.property(archives, limits, claim), { numRuns: 500 })
}

export const isWithin = <T>(small: ReadonlySet<T>, large: ReadonlySet<T>) => [...small].every((one) => large.has(one))

export const areEqual = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>) => a.size === b.size && isWithin(a, b)

/** Milliseconds since 1970. */
export const madeAt = ({ record }: RetentionSubject) => Date.parse(record.createdAt)
