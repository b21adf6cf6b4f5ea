import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backupSchema } from '#shared/queues/exports-queue.ts'
import { makeRunId, timeOfRun } from '#shared/service/make-run-id.ts'

test('the same moment and seed name the same run, another seed another one', () => {
  const at = new Date('2026-11-22T20:34:44.123Z')
  expect(makeRunId('p', at, 'a')).toMatch(/^20261122T203444Z-p-[0-9a-f]{6}$/)
  expect(makeRunId('p', at, 'a')).toBe(makeRunId('p', at, 'a'))
  expect(makeRunId('p', at, 'b')).not.toBe(makeRunId('p', at, 'a'))
})

test('ids sort by time and fit job ids, file names and Redis keys', () => {
  const moment = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(moment, moment, fc.string(), (a, b, seed) => {
      const [first, second] = [makeRunId('t', a, seed), makeRunId('t', b, seed)]
      expect(backupSchema.shape.runId.safeParse(first).success).toBe(true)
      expect(timeOfRun(first)?.getTime()).toBe(Math.floor(a.getTime() / 1000) * 1000)
      if (b.getTime() - a.getTime() >= 1000) expect(first < second).toBe(true)
    }),
  )
})

test.each(['', 'run-1', 'adopt-20261122T203444Z-p', '20269922T203444Z-p-1a2b3c'])('%j is no run with a time', (id) => {
  expect(timeOfRun(id)).toBeUndefined()
})
