import { describe, expect, test } from 'vitest'
import type { KeepLimits } from '#shared/retention/keep-rules.ts'
import { planRetention, type RetentionOptions, type RetentionSubject } from '#shared/retention/plan-retention.ts'
import { timeSpan } from '#shared/retention/time-span.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const hour = 3_600_000

interface Plan {
  readonly hoursOld: number
  readonly good?: boolean
  /** Complete, but of an old state. */
  readonly stale?: boolean
  readonly serverUrl?: string
  readonly id?: number
}

function archive({
  hoursOld,
  stale = false,
  good = !stale,
  serverUrl = 'https://cvat.example.org',
  id = 6,
}: Plan): RetentionSubject {
  const problem = stale
    ? { code: 'stale', message: 'Task 17 is in an old state' }
    : { code: 'no-media', message: 'no media' }
  return {
    record: {
      series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
      server: { url: serverUrl, version: null },
      createdAt: new Date(now.getTime() - hoursOld * hour).toISOString(),
      archive: { fileName: `${hoursOld}-${good}.zip` },
      verification: {
        level: good || stale ? 'complete' : 'sound',
        checkedAt: now.toISOString(),
        problems: good ? [] : [problem],
        warnings: [],
      },
    },
  }
}

const span = (text: string) => timeSpan().parse(text)

type Given = Partial<RetentionOptions> & { readonly ttlHours?: number }

function plan(plans: readonly Plan[], { ttlHours = 24, ...given }: Given = {}) {
  const decisions = planRetention(plans.map(archive), { now, ttlMs: ttlHours * hour, minBackups: 1, ...given })
  const tell = ({ archive: { record }, action }: (typeof decisions)[number]) => [record.archive.fileName, action]
  return Object.fromEntries(decisions.map(tell))
}

describe('an archive', () => {
  test('goes when it is older than the limit and enough newer good ones remain', () => {
    expect(plan([{ hoursOld: 1 }, { hoursOld: 23 }, { hoursOld: 25 }, { hoursOld: 50 }])).toEqual({
      '1-true.zip': 'keep',
      '23-true.zip': 'keep',
      '25-true.zip': 'remove',
      '50-true.zip': 'remove',
    })
  })

  test('of exactly the limit is kept', () => {
    expect(plan([{ hoursOld: 1 }, { hoursOld: 24 }])).toMatchObject({ '24-true.zip': 'keep' })
  })

  test('stays while it is one of the minimum, however old', () => {
    const plans = [{ hoursOld: 100 }, { hoursOld: 200 }, { hoursOld: 300 }]
    expect(plan(plans, { minBackups: 2 })).toEqual({
      '100-true.zip': 'keep',
      '200-true.zip': 'keep',
      '300-true.zip': 'remove',
    })
  })

  test('that is the newest good one stays whatever the settings', () => {
    expect(plan([{ hoursOld: 1000 }, { hoursOld: 2000 }], { ttlHours: 0, minBackups: 0 })).toEqual({
      '1000-true.zip': 'keep',
      '2000-true.zip': 'remove',
    })
  })

  test('of another server or another entity keeps nothing and removes nothing here', () => {
    const plans = [{ hoursOld: 100 }, { hoursOld: 1, serverUrl: 'https://other' }, { hoursOld: 2, id: 7 }]
    expect(Object.values(plan(plans))).toEqual(['keep', 'keep', 'keep'])
  })

  test('dated in the future is kept and replaces nothing', () => {
    expect(plan([{ hoursOld: -50 }, { hoursOld: 100 }, { hoursOld: 200 }])).toEqual({
      '-50-true.zip': 'keep',
      '100-true.zip': 'keep',
      '200-true.zip': 'remove',
    })
  })
})

describe('an archive with problems', () => {
  test('never takes the place of a good one', () => {
    expect(plan([{ hoursOld: 1, good: false }, { hoursOld: 100 }, { hoursOld: 200 }])).toEqual({
      '1-false.zip': 'keep',
      '100-true.zip': 'keep',
      '200-true.zip': 'remove',
    })
  })

  test('goes with age when a newer good one exists, minimum or not', () => {
    const plans = [{ hoursOld: 50 }, { hoursOld: 100, good: false }]
    expect(plan(plans, { minBackups: 10 })).toEqual({ '50-true.zip': 'keep', '100-false.zip': 'remove' })
  })

  test('stays as the newest of its series while no good one is newer', () => {
    expect(plan([{ hoursOld: 50, good: false }, { hoursOld: 60, good: false }, { hoursOld: 100 }])).toEqual({
      '50-false.zip': 'keep',
      '60-false.zip': 'remove',
      '100-true.zip': 'keep',
    })
  })

  test('goes, if it is stale, for one that is good or stale and for no incomplete one', () => {
    const stale = { hoursOld: 100, stale: true }
    expect(plan([{ hoursOld: 50, good: false }, stale, { hoursOld: 200 }])).toMatchObject({ '100-false.zip': 'keep' })
    expect(plan([{ hoursOld: 50, stale: true }, stale])).toMatchObject({ '100-false.zip': 'remove' })
    expect(plan([{ hoursOld: 50 }, stale])).toMatchObject({ '100-false.zip': 'remove' })
  })

  test('stays when it is all there is', () => {
    expect(plan([{ hoursOld: 1000, good: false }])).toEqual({ '1000-false.zip': 'keep' })
  })
})

describe('keep rules', () => {
  const nights = (count: number) => Array.from({ length: count }, (_, night): Plan => ({ hoursOld: 12 + night * 24 }))
  const keptDays = (rules: KeepLimits, plans = nights(500)) =>
    planRetention(plans.map(archive), { now, ttlMs: 0, minBackups: 1, ...rules })
      .filter(({ action }) => action === 'keep')
      .map(({ archive: { record } }) => record.createdAt.slice(0, 10))

  test('keep the newest archives by number', () => {
    expect(keptDays({ keepLast: 3 })).toEqual(['2026-11-22', '2026-11-21', '2026-11-20'])
  })

  test('keep the newest archive of each of the last weeks, months and years that have one', () => {
    expect(keptDays({ keepWeekly: 3 })).toEqual(['2026-11-22', '2026-11-15', '2026-11-08'])
    expect(keptDays({ keepMonthly: 3 })).toEqual(['2026-11-22', '2026-10-31', '2026-09-30'])
    expect(keptDays({ keepYearly: 3 })).toEqual(['2026-11-22', '2025-12-31'])
  })

  test('count only periods that have an archive', () => {
    const plans = [{ hoursOld: 1 }, { hoursOld: 24 * 40 }, { hoursOld: 24 * 41 }, { hoursOld: 24 * 200 }]
    expect(keptDays({ keepMonthly: 3 }, plans)).toEqual(['2026-11-22', '2026-10-13', '2026-05-06'])
  })

  test('keep the newest of several in one hour and one day', () => {
    const plans = [{ hoursOld: 1 }, { hoursOld: 1.5 }, { hoursOld: 1.9 }, { hoursOld: 20 }]
    expect(plan(plans, { ttlHours: 0, keepHourly: 2 })).toEqual({
      '1-true.zip': 'keep',
      '1.5-true.zip': 'keep',
      '1.9-true.zip': 'remove',
      '20-true.zip': 'remove',
    })
    expect(plan(plans, { ttlHours: 0, keepDaily: 9 })).toEqual({
      '1-true.zip': 'keep',
      '1.5-true.zip': 'remove',
      '1.9-true.zip': 'remove',
      '20-true.zip': 'keep',
    })
  })

  test('know a day again that goes on after the next one has begun, where clocks are set back over midnight', () => {
    // Newfoundland, 2010-11-07: a minute after midnight it was 23:01 again.
    const times = ['2010-11-06T12:00:00Z', '2010-11-07T02:30:30Z', '2010-11-07T03:00:00Z', '2010-11-07T04:00:00Z']
    const plans = times.map((time): Plan => ({ hoursOld: (now.getTime() - Date.parse(time)) / hour }))
    const kept = Object.values(plan(plans, { ttlHours: 0, keepDaily: 9, timeZone: 'America/St_Johns' }))
    expect(kept).toEqual(['keep', 'keep', 'remove', 'remove'])
  })

  test('keep what was made within a span of the newest, however long ago that is', () => {
    const plans = [{ hoursOld: 9000 }, { hoursOld: 9000 + 48 }, { hoursOld: 9000 + 49 }]
    expect(plan(plans, { keepWithin: span('2d') })).toEqual({
      '9000-true.zip': 'keep',
      '9048-true.zip': 'keep',
      '9049-true.zip': 'remove',
    })
  })

  test('are never filled by archives with problems or from the future', () => {
    const plans = [{ hoursOld: -30 }, { hoursOld: 1, good: false }, { hoursOld: 30 }, { hoursOld: 60 }]
    expect(plan(plans, { ttlHours: 0, keepLast: 2, keepDaily: 2 })).toMatchObject({
      '30-true.zip': 'keep',
      '60-true.zip': 'keep',
    })
  })

  test('of different kinds are all in force at once', () => {
    expect(keptDays({ keepDaily: 2, keepMonthly: 2, keepWithin: span('60h') })).toEqual([
      '2026-11-22',
      '2026-11-21',
      '2026-11-20',
      '2026-10-31',
    ])
  })
})

describe('an entity that was deleted on its server', () => {
  const plans: Plan[] = [{ hoursOld: 1000 }, { hoursOld: 2000 }, { hoursOld: 3000, good: false }]
  const deletedSince = new Date(now.getTime() - 48 * hour).toISOString()

  test('keeps all its archives, those with problems too', () => {
    expect(new Set(Object.values(plan(plans, { deletedSince })))).toEqual(new Set(['keep']))
  })

  test('keeps them for as long as is set', () => {
    expect(Object.values(plan(plans, { deletedSince, keepDeleted: span('2d') }))).toEqual(['keep', 'keep', 'keep'])
  })

  test('keeps by the other rules afterwards, and its newest good archive always', () => {
    expect(plan(plans, { deletedSince, keepDeleted: span('47h') })).toEqual({
      '1000-true.zip': 'keep',
      '2000-true.zip': 'remove',
      '3000-false.zip': 'remove',
    })
  })

  test('keeps everything when the clock was wrong as it was noticed', () => {
    const later = new Date(now.getTime() + 48 * hour).toISOString()
    expect(Object.values(plan(plans, { deletedSince: later, keepDeleted: span('1h') }))).not.toContain('remove')
  })
})

test('each decision says why', () => {
  const plans = [{ hoursOld: -1 }, { hoursOld: 1 }, { hoursOld: 30 }, { hoursOld: 40 }, { hoursOld: 50, good: false }]
  const tell = (given: Partial<RetentionOptions>) =>
    planRetention(plans.map(archive), { now, ttlMs: 24 * hour, minBackups: 2, ...given }).map(
      ({ action, reasons }) => `${action}: ${reasons.join(', ')}`,
    )
  expect(tell({})).toEqual([
    'keep: dated in the future (2026-11-22T13:00:00.000Z)',
    'keep: newest good archive of its series, 1 h old, within the TTL of 24 h, minimum 1 of 2',
    'keep: minimum 2 of 2',
    'remove: 40 h old, past the TTL of 24 h, 2 newer good archives',
    'remove: has problems, 50 h old, past the TTL of 24 h, 3 newer archives',
  ])
  expect(tell({ minBackups: 1, keepDaily: 2, keepMonthly: 6, keepWithin: span('30h') }).slice(1)).toEqual([
    'keep: newest good archive of its series, 1 h old, within the TTL of 24 h, minimum 1 of 1, within 30h of the newest, daily 1 of 2, monthly 1 of 6',
    'keep: within 30h of the newest, daily 2 of 2',
    'remove: 40 h old, past the TTL of 24 h, 2 newer good archives',
    'remove: has problems, 50 h old, past the TTL of 24 h, 3 newer archives',
  ])
  expect(tell({ deletedSince: '2026-11-20T03:00:00.000Z', keepDeleted: span('1y6m') }).slice(3)).toEqual([
    'keep: deleted on the server (noticed on 2026-11-20), kept for 1y6m',
    'keep: deleted on the server (noticed on 2026-11-20), kept for 1y6m',
  ])
})

test.each([
  [-1, 1],
  [1, -1],
  [Number.NaN, 1],
  [1, Number.NaN],
])('limits that make no sense are refused: %d ms, %d archives', (ttlMs, minBackups) => {
  expect(() => planRetention([archive({ hoursOld: 1 })], { now, ttlMs, minBackups })).toThrow(RangeError)
})
