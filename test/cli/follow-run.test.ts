import { expect, onTestFinished, test } from 'vitest'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { type FollowDeps, followRun } from '../../cli/follow-run.ts'
import { openRun, outcomeOf, planOf } from '../shared/coordination/ledger-steps.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { startRedis } from '../support/redis-server.ts'
import { openAllQueues } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

expectNoLeaks()

async function openFollower() {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const redis = await connectRedis(server.address)
  redis.on('error', () => undefined)
  const connection = { redis, prefix: '{follow}' }
  const queues = openAllQueues(connection)
  for (const { bull } of Object.values(queues)) bull.on('error', () => undefined)
  onTestFinished(async () => {
    await Promise.all(Object.values(queues).map((queue) => queue.close()))
    redis.disconnect()
  })
  const seen: string[] = []
  const view: FollowDeps['view'] = {
    onEvents: (events) => void seen.push(...events.map(({ what, series }) => `${what} ${series}`)),
    onAccount: () => undefined,
    say: (line) => void seen.push(line),
    close: () => undefined,
  }
  const ledger = openRunLedger(connection)
  const stopping = new AbortController()
  return {
    server,
    redis,
    ledger,
    queues,
    seen,
    stopping,
    follow: (silentMs = 10_000) => followRun('r1', { ledger, view, ...queues, silentMs }, stopping.signal),
  }
}

const series = 'project-1.backup'

test('a run is followed to its end, with everything that happened shown once', async () => {
  const { ledger, seen, follow } = await openFollower()
  const following = follow()
  await openRun(ledger, 'r1')
  await ledger.plan('r1', planOf('r1', 'project-2.backup', 'skip'))
  await ledger.plan('r1', planOf('r1', series))
  await waitFor('the first event to be shown', () => seen.length > 0)
  await ledger.endListing('r1')
  await ledger.settle(series, outcomeOf('r1', series, 'done', 5))
  await ledger.end('r1', 'ended')
  expect(await following).toMatchObject({ ok: true, total: 2, done: 1, skipped: 1, sizeBytes: 5 })
  expect(seen).toEqual(['skipped project-2.backup', `done ${series}`])
})

test('a paused queue is named once, since the run waits for it', async () => {
  const { ledger, queues, seen, follow } = await openFollower()
  await queues.workflows.bull.pause()
  const following = follow()
  await waitFor('the queue to be named', () => seen.length > 0)
  await openRun(ledger, 'r1')
  await ledger.endListing('r1')
  await ledger.end('r1', 'ended')
  await following
  expect(seen).toEqual([expect.stringMatching(/^the queue workflows is paused: .* resumes it/)])
})

test('a run that vanishes is not waited for', async () => {
  const { ledger, redis, follow } = await openFollower()
  await openRun(ledger, 'r1')
  const following = expect(follow()).rejects.toMatchObject({ code: 'run-lost', hint: expect.any(String) })
  await waitFor('the follower to have looked', async () =>
    (await redis.info('commandstats')).includes('cmdstat_hgetall'),
  )
  await redis.flushall()
  await following
})

test('a Redis that is stopped for good is not waited for', async () => {
  const { server, ledger, follow } = await openFollower()
  await openRun(ledger, 'r1')
  const following = expect(follow(1_000)).rejects.toMatchObject({ code: 'redis-unreachable', hint: expect.any(String) })
  await server.stop()
  await following
})

test('Ctrl-C ends the following at once, though Redis is silent', async () => {
  const { server, ledger, follow, stopping } = await openFollower()
  await openRun(ledger, 'r1')
  const following = expect(follow()).rejects.toThrow('interrupted')
  await server.stop()
  const startedAt = performance.now()
  stopping.abort(new Error('interrupted'))
  await following
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test('a restart of Redis in the middle is lived through', async () => {
  const { server, ledger, follow } = await openFollower()
  await openRun(ledger, 'r1')
  await ledger.endListing('r1')
  const following = follow()
  await server.stop('SIGTERM')
  await server.start()
  await ledger.end('r1', 'ended')
  expect(await following).toMatchObject({ ok: true })
})
