import fc from 'fast-check'
import { expect, test } from 'vitest'
import { choosePriority } from '#services/scheduler/choose-priority.ts'

const day = Date.UTC(2026, 10, 26, 2)
const weight = fc.record({
  frames: fc.integer({ min: 0, max: 10_000_000 }),
  lastSizeBytes: fc.option(fc.integer({ min: 0, max: 2 ** 50 }), { nil: undefined }),
})

test('of one day, the larger archive goes first; without one, the frames tell', () => {
  const order = [
    { frames: 1, lastSizeBytes: 50e9 },
    { frames: 100_000, lastSizeBytes: undefined },
    { frames: 100_000, lastSizeBytes: 1e9 },
    { frames: 100, lastSizeBytes: undefined },
    { frames: 0, lastSizeBytes: undefined },
  ].map((known) => choosePriority(known, day))
  expect(order).toEqual([...order].sort((a, b) => a - b))
  expect(new Set(order).size).toBe(order.length)
})

test('what an earlier day has planned goes before everything of a later one', () => {
  fc.assert(
    fc.property(weight, weight, fc.integer({ min: 0, max: 30_000 }), (early, late, days) => {
      const before = choosePriority(early, Date.UTC(2026, 0, 1) + days * 86_400_000)
      expect(before).toBeLessThan(choosePriority(late, Date.UTC(2026, 0, 1) + (days + 1) * 86_400_000))
    }),
  )
})

test('whatever the clock says, it is a number that BullMQ takes, and never the 0 that means none', () => {
  fc.assert(
    fc.property(weight, fc.integer({ min: 0, max: 2 ** 43 }), (known, now) => {
      const priority = choosePriority(known, now)
      expect(Number.isInteger(priority) && priority >= 1 && priority <= 2 ** 21).toBe(true)
    }),
  )
})
