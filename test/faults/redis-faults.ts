// What a Redis can do to a run in the middle: each fault begins once some archives are stored, and ends after a while.

import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'vitest'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { type CommandEnd, faultWorld, type Installation, openInstallation, untilStored } from './installation.ts'
import type { Chance } from './seeded-random.ts'

export interface RedisFaultOptions {
  readonly test: TestContext
  readonly entities: number
  readonly chance: Chance
}

/** Strikes in the middle of a run, which is expected to end well by itself. */
export async function strikeRedis(
  { test, entities, chance }: RedisFaultOptions,
  strike: (installation: Installation) => Promise<void>,
): Promise<Findings & { logs: string }> {
  const installation = await startRedisInstallation(test, entities, chance)
  const backup = installation.backup()
  await untilStored(installation, chance.between(2, Math.floor(entities / 2)))
  await strike(installation)
  const { summary } = await backup
  return { ...(await assertNothingLost(installation, { summary })), logs: installation.logs() }
}

/** All that Redis held is gone in the middle of a run: gives how the run's command ended, and the next one's findings. */
export async function emptyRedis({
  test,
  entities,
  chance,
}: RedisFaultOptions): Promise<Findings & { first: CommandEnd }> {
  const installation = await startRedisInstallation(test, entities, chance)
  const backup = installation.backup()
  await untilStored(installation, chance.between(2, Math.floor(entities / 2)))
  await installation.redis.stop('SIGKILL')
  await installation.redis.start({ empty: true })
  const first = await backup
  let { summary } = await installation.backup()
  // A handler that outlived the emptying may have taken its claim anew: a run that waits for it is told that no job carries
  // that backup any more, and the next one does it.
  if (summary?.failures.some(({ code }) => code === 'job-lost')) summary = (await installation.backup()).summary
  return { ...(await assertNothingLost(installation, { summary })), first }
}

/** As a power cut does, and up again after a moment with its append-only file. */
export async function restartRedis({ redis }: Installation): Promise<void> {
  await redis.stop('SIGKILL')
  await sleep(500)
  await redis.start()
}

/** Nobody can reach it: what is connected is cut off, what connects is turned away. */
export function breakRedisWire(
  forMs: number,
  mode: 'refuse' | 'silence',
): (installation: Installation) => Promise<void> {
  return async ({ redisWire }) => {
    redisWire.setMode(mode)
    if (mode === 'refuse') redisWire.cutAll()
    await sleep(forMs)
    redisWire.setMode('pass')
    redisWire.cutAll()
  }
}

/** Connections break off in the middle of answers and of jobs. */
export function cutRedisOften(times: number, chance: Chance): (installation: Installation) => Promise<void> {
  return async ({ redisWire }) => {
    redisWire.faultOf = () => ({ kind: 'reset', afterBytes: chance.between(20_000, 60_000) })
    for (let cut = 0; cut < times; cut++) {
      redisWire.cutAll()
      await sleep(chance.between(100, 500))
    }
    redisWire.remove()
  }
}

/** No room for one more key, with the policy that the documentation asks for. */
export function fillRedis(forMs: number): (installation: Installation) => Promise<void> {
  return async ({ redis }) => {
    const direct = await connectRedis(redis.address)
    try {
      await direct.config('SET', 'maxmemory-policy', 'noeviction')
      await direct.config('SET', 'maxmemory', '1')
      await sleep(forMs)
      await direct.config('SET', 'maxmemory', '0')
    } finally {
      direct.disconnect()
    }
  }
}

async function startRedisInstallation(test: TestContext, entities: number, chance: Chance): Promise<Installation> {
  const installation = await openInstallation({
    test,
    world: faultWorld(entities),
    capacity: { exportMs: () => chance.between(50, 400), bandwidthBytesPerSecond: 2_000_000 },
  })
  await installation.start('serve')
  return installation
}
