import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Finding, Trouble } from '#services/notifier/alarm.ts'
import { decide } from '#services/notifier/decide.ts'

const MINUTE = 60_000
const nothing = { open: {}, pending: {}, cleared: {} }

function trouble(count = 1, key: Trouble['kind'] = 'late'): Trouble {
  const title = `${count} late`
  return { key, kind: key, severity: 'warning', title, text: '', count, entities: [], failures: {} }
}

const bad = (count?: number, holdMs = 0): Finding => ({ is: 'bad', trouble: trouble(count), holdMs })
const good: Finding = { is: 'good', key: 'late' }
const unknown: Finding = { is: 'unknown', key: 'late' }

/** What was told at which minute, of one finding a minute. */
function tell(findings: readonly Finding[], everyMs = MINUTE): string[] {
  let told = decide(nothing, [], 0)
  return findings.flatMap((finding, minute) => {
    told = decide(told, [finding], minute * everyMs)
    return told.changes.map(({ change }) => `${minute} ${change}`)
  })
}

test('what lasts is told once, and once that it is over', () => {
  expect(tell([good, bad(), bad(), bad(), good, good])).toEqual(['1 raised', '4 cleared'])
})

test('what is not known is neither told nor taken back', () => {
  expect(tell([unknown, bad(), unknown, unknown, bad(), good])).toEqual(['1 raised', '5 cleared'])
})

test('what has to last is told when it has, and not at all when it is over before', () => {
  const away = bad(1, 3 * MINUTE)
  expect(tell([away, away, away, away, away, good])).toEqual(['3 raised', '5 cleared'])
  expect(tell([away, away, good, away, away, good])).toEqual([])
})

test('that more are concerned is told once an hour at most', () => {
  const growing = Array.from({ length: 181 }, (_, minute) => bad(minute + 1))
  expect(tell(growing)).toEqual(['0 raised', '60 more', '120 more', '180 more'])
  expect(tell(Array.from({ length: 181 }, () => bad(7)))).toEqual(['0 raised'])
})

test('what comes and goes is told again only once it lasts', () => {
  const flapping = Array.from({ length: 50 }, (_, minute) => (minute % 2 === 0 ? bad() : good))
  expect(tell(flapping)).toEqual(['0 raised', '1 cleared'])
  const back = Array.from({ length: 30 }, () => bad())
  expect(tell([bad(), good, ...back])).toEqual(['0 raised', '1 cleared', '17 raised'])
})

test('whatever is found, raised and cleared take turns, and hours hold few messages', () => {
  const any = fc.constantFrom<Finding>(good, unknown, bad(1), bad(5), bad(50), bad(2, 2 * MINUTE))
  fc.assert(
    fc.property(fc.array(any, { maxLength: 300 }), (findings) => {
      const told = tell(findings)
      const turns = told.map((one) => one.split(' ')[1]).filter((change) => change !== 'more')
      expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'raised' : 'cleared')))
      // Each hour one raise, one recovery and one word of more, and those at its edges.
      const hours = Math.ceil(findings.length / 60)
      expect(told.length).toBeLessThanOrEqual(12 * hours)
    }),
  )
})
