import { describe, expect, test } from 'vitest'
import { planRetention, type RetentionSubject } from '#services/sweeper/plan-retention.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const hour = 3_600_000

interface Plan {
  readonly hoursOld: number
  readonly good?: boolean
  readonly serverUrl?: string
  readonly id?: number
}

function archive({ hoursOld, good = true, serverUrl = 'https://cvat.example.org', id = 6 }: Plan): RetentionSubject {
  return {
    record: {
      series: { entity: { type: 'project', id }, content: { kind: 'backup' } },
      server: { url: serverUrl, version: null },
      createdAt: new Date(now.getTime() - hoursOld * hour).toISOString(),
      archive: { fileName: `${hoursOld}-${good}.zip` },
      verification: {
        level: good ? 'complete' : 'sound',
        checkedAt: now.toISOString(),
        problems: good ? [] : [{ code: 'no-media', message: 'no media' }],
        warnings: [],
      },
    },
  }
}

function plan(plans: readonly Plan[], { ttlHours = 24, minBackups = 1 } = {}) {
  const decisions = planRetention(plans.map(archive), { now, ttlMs: ttlHours * hour, minBackups })
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

  test('stays when it is all there is', () => {
    expect(plan([{ hoursOld: 1000, good: false }])).toEqual({ '1000-false.zip': 'keep' })
  })
})

test('each decision says why', () => {
  const plans = [{ hoursOld: -1 }, { hoursOld: 1 }, { hoursOld: 30 }, { hoursOld: 40 }, { hoursOld: 50, good: false }]
  const decisions = planRetention(plans.map(archive), { now, ttlMs: 24 * hour, minBackups: 2 })
  expect(decisions.map(({ action, reason }) => `${action}: ${reason}`)).toEqual([
    'keep: is dated in the future (2026-11-22T13:00:00.000Z)',
    'keep: is 1 h old, the limit is 24 h',
    'keep: is one of the 2 newest good archives of its series',
    'remove: is 40 h old, past the limit of 24 h, and its series has 2 newer good archives',
    'remove: has problems, is 50 h old, past the limit of 24 h, and its series has 3 newer archives',
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
