import { expect, test } from 'vitest'
import { describeGrowth } from '#shared/overview/store-growth.ts'

const nowMs = Date.parse('2026-11-26T12:00:00Z')
const DAY_MS = 86_400_000

test('days without archives count, and the disk is full when what is free is used up at this rate', () => {
  const growth = describeGrowth(
    new Map([
      ['2026-11-23', 300],
      ['2026-11-26', 100],
    ]),
    1_000,
    nowMs,
  )
  expect(growth.days).toEqual([
    { day: '2026-11-23', addedBytes: 300, totalBytes: 300 },
    { day: '2026-11-24', addedBytes: 0, totalBytes: 300 },
    { day: '2026-11-25', addedBytes: 0, totalBytes: 300 },
    { day: '2026-11-26', addedBytes: 100, totalBytes: 400 },
  ])
  expect(growth).toMatchObject({ bytesPerDay: 100, measuredDays: 4, fullAtMs: nowMs + 10 * DAY_MS })
})

test('years of archives show the last 90 days, and what was there before in their total', () => {
  const growth = describeGrowth(
    new Map([
      ['2024-01-01', 5_000],
      ['2026-11-26', 30],
    ]),
    undefined,
    nowMs,
  )
  expect(growth.days).toHaveLength(90)
  expect(growth.days[0]).toMatchObject({ totalBytes: 5_000 })
  expect(growth).toMatchObject({ bytesPerDay: 1, measuredDays: 30, fullAtMs: undefined })
})

test.each([
  ['nothing is stored', new Map()],
  ['all is dated in the future', new Map([['2027-01-01', 5]])],
])('nothing is claimed where %s', (_, days) => {
  expect(describeGrowth(days, 1_000, nowMs)).toMatchObject({ days: [], bytesPerDay: 0, fullAtMs: undefined })
})
