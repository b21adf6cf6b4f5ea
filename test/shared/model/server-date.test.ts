import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareServerDates, newestDate } from '#shared/model/server-date.ts'
import { formatMicros } from '../../simulator/server-clock.ts'

test.each([
  ['2026-11-22T20:33:01.729573Z', '2026-11-22T20:33:01.729574Z'],
  // A zero fraction is left out, and text comparison would take Z for later than a point.
  ['2026-11-22T20:33:01Z', '2026-11-22T20:33:01.000001Z'],
  ['2026-11-22T20:33:01.9Z', '2026-11-22T20:33:01.91Z'],
  ['2026-11-22T20:33:01.999999Z', '2026-11-22T20:33:02Z'],
  ['2026-11-22T20:33:01.5+01:00', '2026-11-22T20:33:01.5Z'],
])('%s is earlier than %s', (earlier, later) => {
  expect(compareServerDates(earlier, later)).toBeLessThan(0)
  expect(compareServerDates(later, earlier)).toBeGreaterThan(0)
  expect(newestDate([earlier, later])).toBe(later)
  expect(newestDate([later, null, earlier])).toBe(later)
})

test('a missing fraction equals a zero one', () => {
  expect(compareServerDates('2026-11-22T20:33:01Z', '2026-11-22T20:33:01.000000Z')).toBe(0)
  expect(compareServerDates('2026-11-22T20:33:01.5Z', '2026-11-22T20:33:01.500000Z')).toBe(0)
})

test('no date at all has no newest one', () => {
  expect(newestDate([])).toBeNull()
  expect(newestDate([null, null])).toBeNull()
})

test('the order is that of the microseconds, with or without trailing zeros', () => {
  const micros = fc.integer({ min: 0, max: 8_000_000_000_000_000 })
  fc.assert(
    fc.property(micros, micros, fc.boolean(), (a, b, shorten) => {
      const text = (value: number) => (shorten ? formatMicros(value).replace(/\.?0+Z$/, 'Z') : formatMicros(value))
      expect(Math.sign(compareServerDates(text(a), formatMicros(b)))).toBe(Math.sign(a - b))
    }),
  )
})
