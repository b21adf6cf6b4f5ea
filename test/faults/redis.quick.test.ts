// A Redis that restarts, is emptied, cut off or full in the middle of a run.

import { expect, it } from 'vitest'
import { breakRedisWire, cutRedisOften, emptyRedis, fillRedis, restartRedis, strikeRedis } from './redis-faults.ts'
import { startChance } from './seeded-random.ts'

const entities = 16

it.concurrent('a run outlives a Redis that is killed and started again with its append-only file', async (test) => {
  const chance = startChance('Redis killed and restarted')
  expect((await strikeRedis({ test, entities, chance }, restartRedis)).archives).toBe(entities)
}, 300_000)

it.concurrent('a Redis that comes back empty ends the run with a clear error, and the next run does the rest', async (test) => {
  const chance = startChance('Redis emptied')
  const { first, archives } = await emptyRedis({ test, entities, chance })
  expect(first.code).toBe(1)
  expect(first.stderr).toMatch(/has vanished from Redis/)
  expect(first.stderr).toMatch(/start the backup again/)
  expect(archives).toBe(entities)
}, 300_000)

it.concurrent('a run outlives five seconds without Redis', async (test) => {
  const chance = startChance('Redis out of reach')
  expect((await strikeRedis({ test, entities, chance }, breakRedisWire(5_000, 'refuse'))).archives).toBe(entities)
}, 300_000)

it.concurrent('a run outlives connections to Redis that break off in the middle of jobs', async (test) => {
  const chance = startChance('connections to Redis cut')
  expect((await strikeRedis({ test, entities, chance }, cutRedisOften(8, chance))).archives).toBe(entities)
}, 300_000)

it.concurrent('a full Redis is named in the log, and the run goes on when there is room again', async (test) => {
  const chance = startChance('Redis full')
  const { archives, logs } = await strikeRedis({ test, entities, chance }, fillRedis(3_000))
  expect(archives).toBe(entities)
  expect(logs).toMatch(/OOM command not allowed/)
}, 300_000)
