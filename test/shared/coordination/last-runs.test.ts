import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EndedRun, openLastRuns } from '#shared/coordination/last-runs.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()

function ended(startedAtMs: number, ok = true): EndedRun {
  const numbers = { done: 1, noted: 3, skipped: 2, empty: 0, failed: ok ? 0 : 1, sizeBytes: 5 }
  return { mode: 'p', startedAtMs, endedAtMs: startedAtMs + 10, ok, ...numbers, failures: ok ? {} : { 'disk-full': 1 } }
}

test('nothing is known at first', async () => {
  expect(await openLastRuns(await redis.connect()).read()).toEqual([])
})

test('a failed run is the last, and the last good one is remembered beside it', async () => {
  const runs = openLastRuns(await redis.connect())
  await runs.noteStarted('p', 100)
  await runs.noteEnded(ended(100))
  await runs.noteStarted('p', 200)
  await runs.noteEnded(ended(200, false))
  await runs.noteStarted('a', 250)
  expect(await runs.read()).toEqual([
    { mode: 'p', startedAtMs: 200, ended: ended(200, false), succeededAtMs: 110 },
    { mode: 'a', startedAtMs: 250, ended: undefined, succeededAtMs: undefined },
  ])
})

test('a late retry corrects its run', async () => {
  const runs = openLastRuns(await redis.connect())
  await runs.noteEnded(ended(200, false))
  await runs.noteEnded(ended(200))
  expect(await runs.read()).toMatchObject([{ ended: { ok: true, failures: {} }, succeededAtMs: 210 }])
})

test('in whatever order runs are noted, and however often, the latest is the last', async () => {
  const connection = await redis.connect()
  const runs = openLastRuns(connection)
  const plan = fc.array(fc.record({ at: fc.integer({ min: 1, max: 20 }), ok: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), plan, async (order, noted) => {
      await connection.redis.del(`${connection.prefix}:last-runs`)
      const isOk = new Map(noted.map(({ at, ok }) => [at, ok]))
      for (const at of [...order, ...order]) await runs.noteEnded(ended(at, isOk.get(at) ?? true))
      const [last] = await runs.read()
      const good = order.filter((at) => isOk.get(at) ?? true).map((at) => at + 10)
      expect(last!.ended!.startedAtMs).toBe(Math.max(...order))
      expect(last!.succeededAtMs).toBe(good.length > 0 ? Math.max(...good) : undefined)
    }),
    { numRuns: 30 },
  )
})
