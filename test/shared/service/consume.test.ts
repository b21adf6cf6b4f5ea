import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import type { QueueDefinition } from '#shared/queues/queue-definition.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { type Consumption, consume } from '#shared/service/consume.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { startRedis, useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

const payloadSchema = z.object({ word: z.string(), count: z.int().default(1) })
type Payload = z.infer<typeof payloadSchema>
const definition: QueueDefinition<Payload> = {
  name: 'words',
  schema: payloadSchema,
  jobOptions: { attempts: 3, backoff: { type: 'fixed', delay: 10 } },
}
type Handle = Consumption<Payload>['handle']

async function openWords() {
  const connection = await redis.connect()
  const queue = openQueue(definition, connection)
  onTestFinished(() => queue.close())
  const logs = collectLogs()
  return {
    queue,
    logs,
    async consume(handle: Handle, more: Partial<Consumption<Payload>> = {}) {
      const own = await redis.connect(connection.prefix)
      const consumer = consume({ definition, connection: own, logger: logs.logger, concurrency: 2, handle, ...more })
      onTestFinished(() => consumer.close())
      return consumer
    },
    inState: (jobId: string, state: string) =>
      waitFor(`job ${jobId} to be ${state}`, async () => {
        const now = await queue.bull.getJobState(jobId)
        if (now !== state) throw new Error(`it is ${now}`)
        return queue.bull.getJob(jobId)
      }),
  }
}

test('a job is handled with its data checked and completed, and the answer is kept for the board', async () => {
  const { queue, consume, inState } = await openWords()
  await consume(async (payload, { jobId, attempt }) => `${payload.word} ${payload.count} ${jobId} ${attempt}`)
  await queue.bull.add('a word', { word: 'x' }, { jobId: 'j1' })
  expect((await inState('j1', 'completed')).returnvalue).toBe('x 1 j1 1')
})

test("a job whose data is not its queue's is refused at once, and its faulty fields are named", async () => {
  const { queue, consume, inState } = await openWords()
  let handled = 0
  let givenUp = 0
  await consume(async () => `${handled++}`, { giveUp: async () => void givenUp++ })
  await queue.bull.add('a word', { word: 7, count: 'many' }, { jobId: 'j1' })
  await queue.bull.add('nothing', null, { jobId: 'j2' })
  const job = await inState('j1', 'failed')
  expect(job.failedReason).toMatch(/refused.*words.*word: .*count: /)
  expect((await inState('j2', 'failed')).failedReason).toContain('payload: ')
  expect(job.attemptsMade).toBe(1)
  expect([handled, givenUp]).toEqual([0, 0])
})

test('a producer cannot add what a consumer would refuse', async () => {
  const { queue } = await openWords()
  await expect(queue.add({ name: 'x', payload: { word: 1 } as unknown as Payload })).rejects.toThrow()
  expect(await queue.bull.getJobCounts()).toMatchObject({ waiting: 0 })
})

test('adding a job that is known changes nothing, in whatever state it is', async () => {
  const { queue, consume, inState } = await openWords()
  let handled = 0
  const job = { name: 'a word', jobId: 'j1', payload: { word: 'x', count: 1 } }
  await queue.add(job)
  await queue.add(job)
  await consume(async () => `${handled++}`)
  await inState('j1', 'completed')
  await queue.addAll([job, { ...job, jobId: 'j2' }])
  await inState('j2', 'completed')
  expect(handled).toBe(2)
})

test('a fault that may pass is tried again, and given up once after the last attempt', async () => {
  const { queue, consume, inState } = await openWords()
  const attempts: number[] = []
  const givenUp: unknown[] = []
  const fault = new BackupError('the server is away', { code: 'server-error', retryable: true, hint: 'wait for it' })
  await consume(
    async (_, { attempt }) => {
      attempts.push(attempt)
      throw fault
    },
    { giveUp: async (payload, error, jobId) => void givenUp.push([payload.word, error, jobId]) },
  )
  await queue.add({ name: 'a word', jobId: 'j1', payload: { word: 'x', count: 1 } })
  expect((await inState('j1', 'failed')).failedReason).toBe('the server is away (wait for it)')
  expect(attempts).toEqual([1, 2, 3])
  expect(givenUp).toEqual([['x', fault, 'j1']])
})

test('a fault that will not pass is given up at once; a defect is tried again like one that may', async () => {
  const { queue, consume, inState } = await openWords()
  const attempts: string[] = []
  const givenUp: string[] = []
  await consume(
    async ({ word }) => {
      attempts.push(word)
      if (word === 'defect') throw new TypeError('undefined is not a function')
      throw new BackupError('there is no such thing', { code: 'not-found', retryable: false })
    },
    { giveUp: async ({ word }) => void givenUp.push(word) },
  )
  await queue.addAll(['gone', 'defect'].map((word) => ({ name: word, jobId: word, payload: { word, count: 1 } })))
  expect((await inState('gone', 'failed')).failedReason).toBe('there is no such thing')
  await inState('defect', 'failed')
  expect(attempts.filter((word) => word === 'gone')).toHaveLength(1)
  expect(attempts.filter((word) => word === 'defect')).toHaveLength(3)
  expect(givenUp.sort()).toEqual(['defect', 'gone'])
})

test('closing aborts the handler and hands its job back, which another takes up with what was saved', async () => {
  const { queue, consume, inState, logs } = await openWords()
  let begun = 0
  let givenUp = 0
  const stuck: Handle = async (payload, { save, signal }) => {
    await save({ ...payload, count: payload.count + 1 })
    begun++
    await sleep(60_000, undefined, { signal })
    return 'never'
  }
  const first = await consume(stuck, { giveUp: async () => void givenUp++ })
  await queue.addAll(['j1', 'j2'].map((jobId) => ({ name: 'w', jobId, payload: { word: 'x', count: 1 } })))
  await waitFor('both handlers to begin', () => begun === 2)
  const startedAt = performance.now()
  await first.close()
  expect(performance.now() - startedAt).toBeLessThan(3_000)
  expect(await queue.bull.getJobCounts()).toMatchObject({ waiting: 2, active: 0, failed: 0, delayed: 0 })
  expect(logs.text()).toContain('handed back to the queue')

  await consume(async ({ count }, { attempt }) => `${count} ${attempt}`)
  const job = await inState('j1', 'completed')
  expect(job.returnvalue).toBe('2 2')
  expect(job.attemptsMade).toBe(1)
  await inState('j2', 'completed')
  expect(givenUp).toBe(0)
})

test('a stop does not use an attempt up: a job may be handed back more often than it may fail', async () => {
  const { queue, consume, inState } = await openWords()
  await queue.add({ name: 'w', jobId: 'j1', payload: { word: 'x', count: 1 } })
  for (let stops = 1; stops <= 5; stops++) {
    let begun = false
    const consumer = await consume(async (_, { signal }) => {
      begun = true
      await sleep(60_000, undefined, { signal })
      return 'never'
    })
    await waitFor('the handler to begin', () => begun)
    await consumer.close()
  }
  await consume(async () => 'done')
  expect((await inState('j1', 'completed')).returnvalue).toBe('done')
})

test('a handler that ends well although it was asked to stop has ended well', async () => {
  const { queue, consume, inState } = await openWords()
  let begun = false
  const consumer = await consume(async (_, { signal }) => {
    begun = true
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 'finished the last step'
  })
  await queue.add({ name: 'w', jobId: 'j1', payload: { word: 'x', count: 1 } })
  await waitFor('the handler to begin', () => begun)
  await consumer.close()
  expect((await inState('j1', 'completed')).returnvalue).toBe('finished the last step')
})

test('a failed job that is retried by hand is handled once more, and given up again when that fails', async () => {
  const { queue, consume, inState } = await openWords()
  let mended = false
  let givenUp = 0
  let handled = 0
  await consume(
    async () => {
      handled++
      if (!mended) throw new BackupError('broken', { code: 'x', retryable: true })
      return 'mended'
    },
    { giveUp: async () => void givenUp++ },
  )
  await queue.add({ name: 'w', jobId: 'j1', payload: { word: 'x', count: 1 } })
  await (await inState('j1', 'failed')).retry()
  await waitFor('the retry to fail', () => givenUp === 2)
  mended = true
  await (await inState('j1', 'failed')).retry()
  expect((await inState('j1', 'completed')).returnvalue).toBe('mended')
  expect(handled).toBe(5)
})

test('jobs go on after Redis was away', async () => {
  await using server = await startRedis()
  const own = await connectRedis(server.address)
  own.on('error', () => undefined)
  const connection = { redis: own, prefix: '{away}' }
  const queue = openQueue(definition, connection)
  queue.bull.on('error', () => undefined)
  const handled: string[] = []
  const consumer = consume({
    definition,
    connection,
    logger: collectLogs().logger,
    concurrency: 1,
    handle: async ({ word }) => `${handled.push(word)}`,
  })
  try {
    await queue.add({ name: 'w', payload: { word: 'before', count: 1 } })
    await waitFor('the first job', () => handled.includes('before'))
    await server.stop('SIGTERM')
    await server.start()
    await queue.add({ name: 'w', payload: { word: 'after', count: 1 } })
    await waitFor('the second job', () => handled.includes('after'))
  } finally {
    await consumer.close()
    await queue.close()
    own.disconnect()
  }
})
