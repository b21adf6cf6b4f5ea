// What a handler logs is kept with its job: what a person reads on the board.

import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { serializeError } from '#shared/logging/serialize-error.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import type { QueueDefinition } from '#shared/queues/queue-definition.ts'
import { type Consumption, consume } from '#shared/service/consume.ts'
import { formatRecord, withJobLog } from '#shared/service/job-log.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

type Payload = { word: string }
const definition: QueueDefinition<Payload> = {
  name: 'words',
  schema: z.object({ word: z.string() }),
  jobOptions: { attempts: 2, backoff: { type: 'fixed', delay: 10 } },
}

async function handleOne(
  handle: Consumption<Payload>['handle'],
  { logger } = collectLogs(),
  giveUp: NonNullable<Consumption<Payload>['giveUp']> = async () => undefined,
) {
  const connection = await redis.connect()
  const queue = openQueue(definition, connection)
  onTestFinished(() => queue.close())
  const consumer = consume({
    definition,
    connection: await redis.connect(connection.prefix),
    logger,
    concurrency: 1,
    handle,
    giveUp,
  })
  onTestFinished(() => consumer.close())
  await queue.add({ name: 'a word', jobId: 'j1', payload: { word: 'x' } })
  const job = await waitFor('the job to end', async () => {
    const state = await queue.bull.getJobState('j1')
    return state === 'completed' || state === 'failed' ? queue.bull.getJob('j1') : undefined
  })
  return { job, lines: (await queue.bull.getJobLogs('j1')).logs }
}

test('lines at info and above are kept with the job, those of child loggers too, debug lines are not', async () => {
  const { lines } = await handleOne(async (_, { logger }) => {
    logger.debug('looked')
    logger.info({ requestId: 'r7' }, 'export asked for')
    logger.child({ run: 'run-1', entity: 'project-6' }).warn({ code: 'odd' }, 'something is odd')
    return 'done'
  })
  expect(lines).toEqual([
    expect.stringMatching(/^20\d\d-\S+Z INFO export asked for \(requestId r7\)$/),
    expect.stringMatching(/^20\d\d-\S+Z WARN something is odd \(code odd\)$/),
  ])
})

test('why a job failed, and what to do about it, is in its lines', async () => {
  const { lines, job } = await handleOne(async () => {
    const cause = new Error('socket hang up')
    throw new BackupError('the server is away', { code: 'server-error', retryable: true, hint: 'wait for it', cause })
  })
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain(
    'WARN failed, will be tried again: the server is away: socket hang up. Hint: wait for it (attemptsLeft 1)',
  )
  expect(lines[1]).toContain('ERROR failed: the server is away: socket hang up. Hint: wait for it')
  expect(lines.join('')).not.toMatch(/\bat .*\.ts:/)
  expect(job.failedReason).toBe('the server is away: socket hang up (wait for it)')
})

test('a secret is in no line of a job, nor in its reason and stack', async () => {
  const secret = 'planted-Secret-7Q'
  const logs = collectLogs([secret])
  const told: unknown[] = []
  const giveUp = async (_: Payload, error: unknown) => void told.push(serializeError(error))
  const { lines, job } = await handleOne(
    async (_, { logger }) => {
      logger.info({ url: `https://cvat/?key=${secret}`, password: 'other-secret-9Z' }, `login with ${secret}`)
      throw new BackupError(`refused ${secret}`, { code: 'x', retryable: false, hint: `not ${secret}` })
    },
    logs,
    giveUp,
  )
  const kept = JSON.stringify([lines, job, told])
  expect(told).toMatchObject([{ message: 'refused ***', hint: 'not ***', code: 'x' }])
  expect(lines).toHaveLength(2)
  expect(kept).toContain('login with ***')
  expect(kept).toContain('refused ***')
  expect(kept).not.toContain(secret)
  expect(kept).not.toContain('other-secret-9Z')
  expect(logs.text()).not.toContain(secret)
})

test('what is kept is bounded: the newest lines, each of a bounded length', async () => {
  const { lines } = await handleOne(async (_, { logger }) => {
    for (let i = 1; i <= 300; i++) logger.info(`line ${i} ${'x'.repeat(5_000)}`)
    return 'done'
  })
  expect(lines).toHaveLength(200)
  expect(lines[0]).toContain('line 101 ')
  expect(lines.at(-1)).toContain('line 300 ')
  expect(Math.max(...lines.map((line) => line.length))).toBe(2_000)
})

test('the level of the log does not decide what a job keeps', async () => {
  const printed: string[] = []
  const destination = { write: (line: string) => void printed.push(line) }
  const logger = createLogger({ level: 'error', format: 'json', service: 'test', destination })
  const { lines } = await handleOne(
    async (_, context) => {
      context.logger.debug('looked')
      context.logger.info('told')
      context.logger.error('broken')
      return 'done'
    },
    { ...collectLogs(), logger },
  )
  expect(lines.map((line) => line.split(' ').slice(1).join(' '))).toEqual(['INFO told', 'ERROR broken'])
  expect(printed.map((line) => JSON.parse(line).msg)).toEqual(['broken'])
})

test('a line that cannot be kept harms nothing', async () => {
  const { logger, lines } = collectLogs()
  let asked = 0
  const job = {
    opts: {},
    log: () => {
      asked++
      return Promise.reject(new Error('no Redis'))
    },
  }
  withJobLog(logger, job).info('told')
  await waitFor('the line to be tried', () => asked === 1)
  expect(lines.map(({ msg }) => msg)).toEqual(['told'])
})

test('fields that every line of a job shares are left out', () => {
  const told = {
    service: 's',
    pid: 1,
    queue: 'q',
    job: 'j',
    run: 'r',
    entity: 'project-1',
    content: 'backup',
    name: 'n',
  }
  expect(formatRecord({ level: 'info', time: 'T', msg: 'm\nn', ...told, count: 3, list: [1], none: null })).toBe(
    'T INFO m n (count 3, list [1])',
  )
})
