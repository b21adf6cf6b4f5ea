import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { openQueue } from '#shared/queues/open-queue.ts'
import { type Consumption, consume } from '#shared/service/consume.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

test('a worker that was taken for dead stops at its job, and only the one that took over tells how it ended', {
  timeout: 200_000,
}, async () => {
  const definition = { name: 'works', schema: z.object({}), jobOptions: { attempts: 3 } }
  const connection = await redis.connect()
  const queue = openQueue(definition, connection)
  onTestFinished(() => queue.close())
  const told: string[] = []
  const start = async (handle: Consumption<object>['handle']) => {
    const consumer = consume({
      definition,
      connection: await redis.connect(connection.prefix),
      logger: collectLogs().logger,
      concurrency: 1,
      handle,
      giveUp: async () => void told.push('given up'),
    })
    onTestFinished(() => consumer.close())
  }
  let begun = false
  let stopped = false
  await start(async (_, { signal }) => {
    begun = true
    await sleep(120_000, undefined, { signal }).finally(() => {
      stopped = true
    })
    return 'the first'
  })
  await queue.add({ name: 'a work', jobId: 'j1', payload: {} })
  await waitFor('the first worker to begin', () => begun)
  await start(async (_, { attempt }) => {
    told.push(`taken over as start ${attempt}`)
    return 'the second'
  })
  // As after a pause of the process or of its network that was longer than the lock lasts.
  await connection.redis.del(`${connection.prefix}:works:j1:lock`)
  await waitFor('the first worker to notice', () => stopped, { timeoutMs: 90_000 })
  await waitFor('the second worker to finish', async () => (await queue.bull.getJobState('j1')) === 'completed', {
    timeoutMs: 90_000,
  })
  const job = await queue.bull.getJob('j1')
  expect(job?.returnvalue).toBe('the second')
  expect(told).toEqual(['taken over as start 2'])
  expect(await queue.bull.getJobCounts()).toMatchObject({ completed: 1, failed: 0, active: 0, waiting: 0, delayed: 0 })
})
