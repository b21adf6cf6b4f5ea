// Deaths of processes and of Redis, at length.

import { expect, it } from 'vitest'
import { killEverything } from './kill-everything.ts'
import { killServices } from './kill-services.ts'
import { measure } from './measure.ts'
import { breakRedisWire, cutRedisOften, emptyRedis, fillRedis, restartRedis, strikeRedis } from './redis-faults.ts'

const entities = 100
const timeout = 1_800_000

it.for([1, 2, 3])('kill -9 of services, 200 times (%i)', { timeout }, async (_, test) => {
  await measure({ fault: 'kill -9 of a service', strikes: 200, entities }, (chance) =>
    killServices(test, { entities, kills: 200, signal: 'SIGKILL', pauseMs: [50, 900] }, chance),
  )
})

it('SIGTERM to services, 200 times', { timeout }, async (test) => {
  await measure({ fault: 'SIGTERM to a service', strikes: 200, entities }, (chance) =>
    killServices(test, { entities, kills: 200, signal: 'SIGTERM', pauseMs: [50, 600] }, chance),
  )
})

it.for([1, 2, 3])('kill -9 of everything, 3 times (%i)', { timeout }, async (_, test) => {
  await measure({ fault: 'kill -9 of everything, then one more backup', strikes: 3, entities }, (chance) =>
    killEverything(test, { entities, cuts: 3 }, chance),
  )
})

it.for([1, 2, 3])('Redis killed and started again (%i)', { timeout }, async (_, test) => {
  await measure({ fault: 'Redis killed and started again', strikes: 1, entities }, (chance) =>
    strikeRedis({ test, entities, chance }, restartRedis),
  )
})

it.for([1, 2, 3])('Redis back empty (%i)', { timeout }, async (_, test) => {
  await measure({ fault: 'Redis back empty, then the next backup', strikes: 1, entities }, async (chance) => {
    const { first, ...found } = await emptyRedis({ test, entities, chance })
    expect(first.stderr).toMatch(/has vanished from Redis/)
    return found
  })
})

it.for(['refuse', 'silence'] as const)('Redis out of reach for 60 s (%s)', { timeout }, async (mode, test) => {
  await measure({ fault: `Redis out of reach for 60 s (${mode})`, strikes: 1, entities }, (chance) =>
    strikeRedis({ test, entities, chance }, breakRedisWire(60_000, mode)),
  )
})

it('connections to Redis cut again and again', { timeout }, async (test) => {
  await measure({ fault: 'connections to Redis cut', strikes: 60, entities }, (chance) =>
    strikeRedis({ test, entities, chance }, cutRedisOften(60, chance)),
  )
})

it('Redis full for 30 s', { timeout }, async (test) => {
  await measure({ fault: 'Redis full for 30 s', strikes: 1, entities }, (chance) =>
    strikeRedis({ test, entities, chance }, fillRedis(30_000)),
  )
})
