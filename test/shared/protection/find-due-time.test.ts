import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dueTimeOf, findDueTimes } from '#shared/protection/find-due-time.ts'

const find = (now: string, timeZone: string, ...lines: [mode: 'p' | 'a' | 't', cron: string][]) => {
  const schedules = lines.map(([mode, cron]) => ({ mode, cron }))
  const due = findDueTimes({ schedules, timeZone }, new Date(now))
  return Object.fromEntries(Object.entries(due).map(([mode, atMs]) => [mode, new Date(atMs + 60_000).toISOString()]))
}

test.each<[string, [mode: 'p' | 'a' | 't', cron: string][], object]>([
  ['a night', [['p', '0 0 * * *']], { p: '2026-11-21T00:00:00.000Z' }],
  ['an hour', [['a', '0 * * * *']], { a: '2026-11-22T09:00:00.000Z' }],
  ['a word', [['p', '@daily']], { p: '2026-11-21T00:00:00.000Z' }],
  [
    'two lines of one mode',
    [
      ['p', '0 0 * * *'],
      ['p', '0 6 * * 0'],
    ],
    { p: '2026-11-22T00:00:00.000Z' },
  ],
  [
    'two lines at the same time',
    [
      ['p', '0 0 * * *'],
      ['p', '0 0 * * 0'],
    ],
    { p: '2026-11-21T00:00:00.000Z' },
  ],
  [
    'two modes',
    [
      ['p', '0 0 * * *'],
      ['t', '0 0 * * 0'],
    ],
    { p: '2026-11-21T00:00:00.000Z', t: '2026-11-15T00:00:00.000Z' },
  ],
  ['a day that never comes', [['p', '0 0 30 2 *']], {}],
])(
  'with %s, who was not found protected since the time before the last, less a minute, is late',
  (_, lines, expected) => {
    // A Sunday.
    expect(find('2026-11-22T10:30:00Z', 'UTC', ...lines)).toEqual(expected)
  },
)

test('the times are those of the schedule’s time zone, over a change of summer time', () => {
  expect(find('2026-10-25T12:00:00Z', 'Europe/Berlin', ['p', '0 0 * * *'])).toEqual({ p: '2026-10-23T22:00:00.000Z' })
  expect(find('2026-10-26T12:00:00Z', 'Europe/Berlin', ['p', '0 0 * * *'])).toEqual({ p: '2026-10-24T22:00:00.000Z' })
})

test('a row is held to the strictest of the modes that list it, and to none that is not in the schedule', () => {
  const due = { p: 100, t: 50 }
  expect(dueTimeOf({ listedAtMs: { p: 1, t: 1 } }, due)).toBe(100)
  expect(dueTimeOf({ listedAtMs: { t: 1 } }, due)).toBe(50)
  expect(dueTimeOf({ listedAtMs: { a: 1 } }, due)).toBeUndefined()
})

test('the due time lies a whole interval back and never more than two', () => {
  const now = fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(now, fc.integer({ min: 1, max: 30 }), (date, minutes) => {
      const lines = { schedules: [{ mode: 'p' as const, cron: `*/${minutes} * * * *` }], timeZone: 'UTC' }
      const age = date.getTime() - findDueTimes(lines, date).p!
      // Lines like `*/7` begin anew each hour, so an interval may be shorter.
      expect(age).toBeGreaterThanOrEqual(60_000)
      expect(age).toBeLessThanOrEqual((2 * minutes + 1) * 60_000 + 1_000)
    }),
  )
})
