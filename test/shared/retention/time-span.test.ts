import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTimeSpan, shiftBySpan, timeSpan } from '#shared/retention/time-span.ts'

const parse = (text: string) => timeSpan().parse(text)

const shift = (from: string, text: string, direction: 1 | -1) =>
  new Date(shiftBySpan(Date.parse(from), parse(text), direction)).toISOString()

describe('a span of time', () => {
  test.each([
    ['30d', { years: 0, months: 0, days: 30, hours: 0 }],
    ['12h', { years: 0, months: 0, days: 0, hours: 12 }],
    ['1y6m', { years: 1, months: 6, days: 0, hours: 0 }],
    ['2W3D', { years: 0, months: 0, days: 17, hours: 0 }],
    ['0h', { years: 0, months: 0, days: 0, hours: 0 }],
  ])('%s is understood', (text, expected) => expect(parse(text)).toEqual(expected))

  test.each(['', '30', 'd', '30 d', '6m1y', '1.5d', '-1d', '1d1d', '1s', '9999y', '1y 6m'])('%j is refused', (text) => {
    expect(() => parse(text)).toThrow(/is not numbers with the units/)
  })

  test('is written as it is read', () => {
    const number = (max: number) => fc.integer({ min: 0, max })
    const span = fc.record({ years: number(999), months: number(9999), days: number(99_999), hours: number(999_999) })
    fc.assert(
      fc.property(span, (each) => {
        expect(parse(formatTimeSpan(each))).toEqual(each)
      }),
    )
  })

  test.each<[string, string, 1 | -1, string]>([
    ['2026-11-22T12:00:00.000Z', '30d', -1, '2026-10-23T12:00:00.000Z'],
    ['2026-11-22T12:00:00.000Z', '1y6m', -1, '2025-05-22T12:00:00.000Z'],
    ['2026-03-31T12:00:00.000Z', '1m', -1, '2026-02-28T12:00:00.000Z'],
    ['2024-02-29T12:00:00.000Z', '1y', 1, '2025-02-28T12:00:00.000Z'],
    ['2026-12-31T23:00:00.000Z', '2m1h', 1, '2027-03-01T00:00:00.000Z'],
    ['2026-01-15T00:00:00.000Z', '1m1d', -1, '2025-12-14T00:00:00.000Z'],
  ])('%s and %s (%i) make %s', (from, text, direction, expected) => {
    expect(shift(from, text, direction)).toBe(expected)
  })
})
