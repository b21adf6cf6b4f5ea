import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatBytes, formatDuration, quoteName } from '#shared/presentation/format.ts'

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [12_345, '12.3 kB'],
    [123_456, '123 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [2_500_000_000, '2.5 GB'],
    [1e18, '1000 PB'],
  ])('%d are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  test('never take more than eight characters up to a petabyte', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_000_000_000_000 }), (bytes) => {
        expect(formatBytes(bytes).length).toBeLessThanOrEqual(8)
      }),
    )
  })
})

test.each([
  [0, '0.0 s'],
  [9_940, '9.9 s'],
  [9_960, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 min 00 s'],
  [245_000, '4 min 05 s'],
  [3_599_700, '1 h 00 min'],
  [11_520_000, '3 h 12 min'],
])('%d ms are %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([
  ['plain', '"plain"'],
  ['two\nlines', '"two\u{FFFD}lines"'],
  ['\x1b[2J', '"\u{FFFD}[2J"'],
  ['abc\u202Egpj', '"abc\u{FFFD}gpj"'],
  ['a\u2028b', '"a\u{FFFD}b"'],
])('the name %j cannot forge the line around it', (name, shown) => {
  expect(quoteName(name)).toBe(shown)
})
