import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { openQueue } from '#shared/queues/open-queue.ts'
import type { QueueDefinition } from '#shared/queues/queue-definition.ts'
import { type Consumption, consume } from '#shared/service/consume.ts'
import { Postponed } from '#shared/service/postponed.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()

type Payload = { word: string }
const definition: QueueDefinition<Payload> = {
  name: 'words',
  schema: z.object({ word: z.string() }),
  jobOptions: { attempts: 2, backoff: { type: 'fixed', delay: 1 } },
}

async function openWords(handle: Consumption<Payload>['handle'], more: Partial<Consumption<Payload>> = {}) {
  const connection = await redis.connect()
  const queue = openQueue(definition, connection)
  const logs = collectLogs()
  const own = await redis.connect(connection.prefix)
  const consumer = consume({ definition, connection: own, logger: logs.logger, concurrency: 2, handle, ...more })
  onTestFinished(async () => {
    await consumer.close()
    await queue.close()
  })
  return { queue, consumer, logs }
}

test('a postponed job comes back as often as it likes, and loses no attempt by it', async () => {
  let calls = 0
  const gaveUp: unknown[] = []
  const { queue, logs } = await openWords(
    async () => {
      calls += 1
      if (calls <= 5) throw new Postponed('not now', 5)
      if (calls === 6) throw new Error('a fault that counts')
      return 'at last'
    },
    { giveUp: async (_, error) => void gaveUp.push(error) },
  )
  await queue.add({ name: 'a', jobId: 'a', payload: { word: 'a' } })
  await waitFor('the job to complete', async () => (await queue.bull.getJobState('a')) === 'completed')
  expect(calls).toBe(7)
  expect((await queue.bull.getJob('a'))?.attemptsMade).toBe(2)
  expect(gaveUp).toEqual([])
  expect(logs.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('a postponed job waits as long as it was told to, with its progress and changed data, while others go on', async () => {
  const { queue } = await openWords(async ({ word }, context) => {
    if (word !== 'late') return word
    await context.save({ word: 'later' })
    await context.progress({ phase: 'waiting' })
    throw new Postponed('not now', 3_600_000)
  })
  await queue.add({ name: 'a', jobId: 'a', payload: { word: 'late' } })
  await waitFor('the job to be delayed', async () => (await queue.bull.getJobState('a')) === 'delayed')
  await queue.add({ name: 'b', jobId: 'b', payload: { word: 'b' } })
  await waitFor('the other job', async () => (await queue.bull.getJobState('b')) === 'completed')
  const job = await queue.bull.getJob('a')
  expect(job).toMatchObject({ data: { word: 'later' }, progress: { phase: 'waiting' }, delay: expect.any(Number) })
  expect(job!.delay).toBeGreaterThan(3_500_000)
})

test('a paused consumer lets jobs wait, finishes the one it has, and goes on when resumed', async () => {
  const seen: string[] = []
  const release = Promise.withResolvers<void>()
  const { queue, consumer } = await openWords(
    async ({ word }) => {
      seen.push(word)
      if (word === 'first') await release.promise
      return word
    },
    { concurrency: 1 },
  )
  await queue.add({ name: 'a', jobId: 'a', payload: { word: 'first' } })
  await waitFor('the first job to be taken', () => seen.length === 1)
  await consumer.pause()
  await queue.add({ name: 'b', jobId: 'b', payload: { word: 'second' } })
  release.resolve()
  await waitFor('the first job to end', async () => (await queue.bull.getJobState('a')) === 'completed')
  expect(await queue.bull.getJobState('b')).toBe('waiting')
  await consumer.resume()
  await waitFor('the second job', async () => (await queue.bull.getJobState('b')) === 'completed')
})

test('a consumer that is paused can be closed', async () => {
  const { consumer } = await openWords(async () => 'done')
  await consumer.pause()
  await consumer.close()
})
