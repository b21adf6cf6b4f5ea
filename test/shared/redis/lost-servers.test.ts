// What a connection does while the servers behind it are away. Seconds each: that is how long they take to agree on a new
// master.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { type RedisProcess, startClusterGroup, startSentinelGroup } from '../../support/local-redis.ts'
import { waitFor } from '../../support/wait-for.ts'

const LONG_MS = 90_000
const passwords = { data: 'of-the-servers', sentinel: 'of-the-sentinels' }

test('a master that hangs and later becomes a replica is left for the new one', { timeout: 2 * LONG_MS }, async () => {
  const group = await startSentinelGroup(passwords)
  onTestFinished(() => group.close())
  const address = { url: group.url, password: passwords.data, sentinelPassword: passwords.sentinel }
  const redis = await connectRedis(address, LONG_MS, 1_000)
  redis.on('error', () => undefined)
  onTestFinished(() => redis.disconnect())
  await redis.set('before', '1')
  await waitFor(
    'the replica to have it',
    async () => (await otherThan(group.servers, await group.master()).call('GET', 'before')) === '1',
  )
  const old = await group.master()
  // Its system still takes whatever is sent: only time tells that nobody reads it.
  old.signal('SIGSTOP')
  expect(await redis.set('meanwhile', '2')).toBe('OK')
  const fresh = await group.master()
  expect(fresh).not.toBe(old)
  expect(await fresh.call('GET', 'meanwhile')).toBe('2')
  old.signal('SIGCONT')
  await waitFor('the old one to be a replica', async () => String(await old.call('ROLE')).startsWith('slave'), {
    timeoutMs: LONG_MS,
  })
  expect(await redis.get('before')).toBe('1')
})

test('a command waits for a Cluster whose servers are all away', { timeout: 2 * LONG_MS }, async () => {
  const group = await startClusterGroup('{away}')
  onTestFinished(() => group.close())
  const redis = await connectRedis({ url: group.url }, LONG_MS)
  redis.on('error', () => undefined)
  onTestFinished(() => redis.disconnect())
  await redis.set('{away}:key', 'value')
  // As a worker waits for a job, on a connection of its own.
  const waiting = redis.duplicate()
  waiting.on('error', () => undefined)
  onTestFinished(() => waiting.disconnect())
  const blocked = waiting.blpop('{away}:list', 60)
  await Promise.all(group.servers.map((server) => server.stop()))
  const answers = Promise.all([redis.get('{away}:key'), redis.multi().get('{away}:key').get('{away}:key').exec()])
  await sleep(2_500)
  for (const server of group.servers) await server.start()
  expect(await answers).toEqual([
    'value',
    [
      [null, 'value'],
      [null, 'value'],
    ],
  ])
  await redis.rpush('{away}:list', 'pushed')
  expect(await blocked).toEqual(['{away}:list', 'pushed'])
})

function otherThan(servers: readonly RedisProcess[], one: RedisProcess): RedisProcess {
  return servers.find((server) => server !== one)!
}
