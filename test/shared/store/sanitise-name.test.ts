import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sanitiseName } from '#shared/store/sanitise-name.ts'

describe('examples', () => {
  test.each([
    ['alpha', 'alpha'],
    ['Kompositum "é" </x> 人', 'Kompositum_é_x_人'],
    ['Röntgen "A/B" ../x', 'Röntgen_A_B_._x'],
    ['../../etc/passwd', 'etc_passwd'],
    ['..', 'unnamed'],
    ['', 'unnamed'],
    ['   ', 'unnamed'],
    ['.hidden', 'hidden'],
    ['-rf', 'rf'],
    ['trailing dots... ', 'trailing_dots'],
    ['CON', 'x-CON'],
    ['nul.txt', 'x-nul.txt'],
    ['COM¹', 'x-COM¹'],
    ['console', 'console'],
    ['line\nbreak\u0000', 'line_break'],
    ['gpj.\u202Eexe', 'gpj.exe'],
    ['e\u0301', 'é'],
    ['50% off: *now* | "cheap"?', '50_off_now_cheap'],
    ['हिन्दी', 'हिन्दी'],
    ['\ud800half', 'half'],
  ])('%j becomes %j', (name, expected) => {
    expect(sanitiseName(name)).toBe(expected)
  })

  test('a long name is cut between characters', () => {
    expect(sanitiseName('人'.repeat(100))).toBe('人'.repeat(26))
  })
})

describe('for every name at all', () => {
  const names = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 120 }).map((units) => String.fromCharCode(...units)),
    fc.string({
      unit: fc.constantFrom('.', '-', '_', ' ', '/', '\\', '\u0301', '\u202e', 'con', 'a', '人'),
      maxLength: 60,
    }),
  )
  const check = (claim: (result: string) => boolean) =>
    fc.assert(
      fc.property(names, (name) => claim(sanitiseName(name))),
      { numRuns: 2000 },
    )

  test('the result is not empty and has at most 80 bytes of valid UTF-8', () => {
    check((result) => result !== '' && Buffer.byteLength(result) <= 80 && result.isWellFormed())
  })

  test('the result holds nothing that separates paths, hides or deceives', () => {
    check((result) => /^[\p{L}\p{M}\p{N}._+=@,()-]+$/u.test(result) && !/\p{C}|\p{Zs}|\.\./u.test(result))
  })

  test('the result begins with no dot, dash or mark and ends with no dot or dash', () => {
    check((result) => !/^[\p{M}._-]/u.test(result) && !/[._-]$/.test(result))
  })

  test('the result is no name that Windows reserves', () => {
    check((result) => !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(result))
  })

  test('the result is NFC and sanitising it again changes nothing', () => {
    check((result) => result.normalize('NFC') === result && sanitiseName(result) === result)
  })
})
