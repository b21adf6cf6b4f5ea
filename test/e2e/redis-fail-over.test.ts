// Whole runs over Sentinels and over a Cluster that lose the server with the queues in the middle. Seconds each: that is
// how long servers take to agree on a new master.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import { startClusterGroup, startRedisProcess, startSentinelGroup } from '../support/local-redis.ts'
import { createPrivateAuthority } from '../support/private-authority.ts'
import { connectTo } from '../support/redis-server.ts'
import { smallWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

const LONG_MS = 90_000
const passwords = { data: 'of-the-servers', sentinel: 'of-the-sentinels' }

function overAddress(address: RedisAddress) {
  return { connect: (prefix: string) => connectTo(address, prefix) }
}

/** Begins a run, lets the fault strike when some archives are stored, and gives the run's end. */
async function runThrough(stack: Stack, strike: () => Promise<void>) {
  const entities = [...stack.world.projects.values()].length
  const runId = await stack.request()
  await waitFor('some archives', async () => (await stack.archives()).length >= 3, { timeoutMs: LONG_MS })
  expect((await stack.archives()).length).toBeLessThan(entities)
  await strike()
  return stack.ended(runId, LONG_MS)
}

/** What a server had not yet handed to its replica is gone with it: such a backup is counted as failed, never forgotten. */
async function expectNothingLost(stack: Stack, summary: Awaited<ReturnType<Stack['ended']>>) {
  const entities = [...stack.world.projects.values()].length
  expect(summary.done + summary.failed).toBe(entities)
  if (summary.failed > 0) {
    expect(summary.failures.map(({ code }) => code)).toEqual(summary.failures.map(() => 'job-lost'))
    expect(await stack.backUp()).toMatchObject({ ok: true })
  }
  const stored = await stack.archives()
  expect(new Set(stored.map(({ entity }) => entity.id)).size).toBe(entities)
  // The product is as well as before, those who had nothing to do meanwhile included.
  for (const queue of [stack.queues.sweeps, stack.queues.verifications]) {
    const { id } = await queue.bull.add('after the fail-over', {})
    await waitFor(`a job of ${queue.bull.name}`, async () => (await queue.bull.getJobState(id!)) === 'completed', {
      timeoutMs: LONG_MS,
    })
  }
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 0, skipped: entities })
}

test('a run goes on over a fail-over by Sentinel, and nothing is lost', { timeout: 2 * LONG_MS }, async () => {
  const group = await startSentinelGroup(passwords)
  onTestFinished(() => group.close())
  const address = { url: group.url, password: passwords.data, sentinelPassword: passwords.sentinel }
  const stack = await startStack(overAddress(address), {
    prefix: '{failing-over}',
    world: smallWorld({ projects: 16, looseTasks: 0 }),
    capacity: { exportMs: 300 },
  })
  const old = await group.master()
  const summary = await runThrough(stack, () => old.stop())
  expect(await group.master()).not.toBe(old)
  await expectNothingLost(stack, summary)
})

test('a run goes on over a fail-over in a Cluster, all keys in one slot', { timeout: 2 * LONG_MS }, async () => {
  const prefix = '{clustered}'
  const group = await startClusterGroup(prefix)
  onTestFinished(() => group.close())
  const stack = await startStack(overAddress({ url: group.url }), {
    prefix,
    world: smallWorld({ projects: 16, looseTasks: 0 }),
    capacity: { exportMs: 300 },
  })
  const summary = await runThrough(stack, () => group.owner.stop())
  await expectNothingLost(stack, summary)
  expect(Number(await group.replica.call('CLUSTER', 'COUNTKEYSINSLOT', String(group.slot)))).toBeGreaterThan(20)
  for (const server of group.servers) {
    const elsewhere = server === group.replica || server === group.owner
    expect(elsewhere ? 0 : await server.call('DBSIZE')).toBe(0)
  }
})

test('a run needs no more than TLS, a user and the rights that the documentation lists', {
  timeout: LONG_MS,
}, async () => {
  const documentation = await readFile(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
  const [, rights] = /^user cvat-backups on >SECRET (.*)$/m.exec(documentation) ?? []
  const authority = await createPrivateAuthority()
  const server = await startRedisProcess({
    authority,
    lines: ['requirepass nobody-knows', `user cvat-backups on >passed-on ${rights}`],
    login: { password: 'nobody-knows' },
  })
  onTestFinished(() => server.close())
  const url = `rediss://cvat-backups@localhost:${server.port}`
  const address = { url, password: 'passed-on', ca: authority.ca, cert: authority.cert, key: authority.key }
  const stack = await startStack(overAddress(address), { prefix: '{cvat-backups}', world: smallWorld({ projects: 3 }) })
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 3 })
  expect(await stack.queues.runs.bull.getWorkersCount()).toBeGreaterThan(0)
  await expect(stack.connection.redis.get('of-another')).rejects.toThrow('NOPERM')
  await expect(stack.connection.redis.flushall()).rejects.toThrow('NOPERM')
})
