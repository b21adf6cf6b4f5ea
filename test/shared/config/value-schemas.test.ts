import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { duration, oneOf, path, size, wholeNumber, yesOrNo } from '#shared/config/value-schemas.ts'

describe('yesOrNo', () => {
  test.each(['1', 'true', 'TRUE', 'Yes', 'on'])('%s is yes', (text) => expect(yesOrNo().parse(text)).toBe(true))
  test.each(['0', 'false', 'No', 'OFF'])('%s is no', (text) => expect(yesOrNo().parse(text)).toBe(false))
  test.each(['y', '2', 'enabled', 'toString', '__proto__', 'constructor'])('%s is neither', (text) => {
    expect(yesOrNo().safeParse(text).success).toBe(false)
  })
})

describe('wholeNumber', () => {
  test('takes what is in the range and nothing else', () => {
    const schema = wholeNumber({ min: 1, max: 64 })
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 200 }), (number) => {
        expect(schema.safeParse(String(number)).success).toBe(number >= 1 && number <= 64)
      }),
    )
  })

  test.each(['1.0', '1e1', '0x1', ' 1', '+1', '', 'Infinity', '٣', '9'.repeat(20)])('refuses %j', (text) => {
    expect(wholeNumber({ min: 0, max: 100 }).safeParse(text).success).toBe(false)
  })
})

describe('duration', () => {
  const hours = duration({ unitMs: 3_600_000, max: 500, zeroAllowed: false })

  test.each([
    ['1', 3_600_000],
    ['0.5', 1_800_000],
    ['.25', 900_000],
    ['2.', 7_200_000],
    ['500', 1_800_000_000],
  ])('%s hours are %i ms', (text, ms) => expect(hours.parse(text)).toBe(ms))

  test.each(['0', '0.0', '-1', '501', '1h', 'NaN', '1e2', '', '.', '9'.repeat(400)])('refuses %j', (text) => {
    expect(hours.safeParse(text).success).toBe(false)
  })

  test('says how decimals are written', () => {
    const issue = hours.safeParse('1,5').error?.issues[0]
    expect(issue).toMatchObject({ params: { fix: 'Write decimals with a point' } })
  })

  test('is a whole number of milliseconds, so small that a timer can hold it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 500, noNaN: true }), (number) => {
        const ms = hours.parse(number.toFixed(6))
        expect(Number.isInteger(ms) && ms > 0 && ms < 2 ** 31).toBe(true)
      }),
    )
  })
})

describe('size', () => {
  test.each([
    ['0', 0],
    ['1024', 1024],
    ['1 GB', 1e9],
    ['1.5gb', 1.5e9],
    ['500 MB', 5e8],
    ['2 GiB', 2 * 2 ** 30],
    ['10 kB', 10_000],
    ['1 TB', 1e12],
    ['7 b', 7],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(size().parse(text)).toBe(bytes)
  })

  test.each(['', '-1', '1 XB', 'GB', '1  GB', '1e9', '1,5 GB', '1 G', '99999999 TB'])('refuses %j', (text) => {
    expect(size().safeParse(text).success).toBe(false)
  })
})

test('oneOf takes its words and synonyms in any case', () => {
  const schema = oneOf(['warn', 'info'], { warning: 'warn' })
  expect(['WARN', 'Warning', 'info'].map((text) => schema.parse(text))).toEqual(['warn', 'warn', 'info'])
  expect(schema.safeParse('verbose').success).toBe(false)
})

test('path is made absolute and loses dots', () => {
  expect(path().parse('/a/../b/')).toBe('/b')
  expect(path().parse('x')).toBe(`${process.cwd()}/x`)
  expect(path().safeParse('a\0b').success).toBe(false)
})
