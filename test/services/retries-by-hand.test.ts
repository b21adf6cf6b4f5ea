// What a person does on the board when a backup has failed: mend the cause, press retry. Then the backup is carried on
// to its archive, and the run's account and record say so. Every retry here goes through the board, as theirs does.

import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Job } from 'bullmq'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { consume } from '#shared/service/consume.ts'
import { isGood } from '#shared/store/record.ts'
import { flipByte } from '../shared/store/damage.ts'
import { troubledAnswers } from '../simulator/faults.ts'
import { collectLogs } from '../support/collect-logs.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { smallWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { openBoard, openQueuesOf, openToAll } from './board/board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const project1 = { type: 'project', id: 1 } as const
const notAllowed = { kind: 'answer', answer: troubledAnswers.denied() } as const

type QueueName = keyof Stack['queues']

/** Presses the retry of the board for one job, or for all that have failed in a queue. */
async function openRetry(stack: Stack) {
  const visitor = (await openBoard(stack.connection, openToAll)).visitor()
  return {
    async one(queue: QueueName, { id }: Job) {
      expect((await visitor.act(`/queues/${queue}/${encodeURIComponent(id!)}/retry`)).status).toBe(204)
    },
    async all(queue: QueueName, count: number) {
      const answer = await visitor.act(`/queues/${queue}/retry/failed`)
      expect(JSON.parse(answer.text)).toEqual({ retried: count, skipped: 0 })
    },
  }
}

async function failedJob(stack: Stack, queue: QueueName): Promise<Job> {
  return waitFor(`a failed job in ${queue}`, async () => (await stack.queues[queue].bull.getFailed())[0])
}

async function expectCorrected(stack: Stack, runId: string, done: number) {
  const account = await waitFor('the account to be corrected', async () => {
    const now = await stack.ledger.read(runId)
    return now?.state === 'ended' && now.failed === 0 && now.done === done && now
  })
  expect(account).toMatchObject({ state: 'ended', done, failed: 0 })
  await waitFor('the record to be corrected', async () => {
    const [record] = await stack.store.readRunRecords()
    return record?.ok === true && record.done === done
  })
  const good = (await stack.archives()).filter(({ record }) => isGood(record))
  expect(good).toHaveLength(done)
  expect(await stack.claims.read('project-1.backup')).toBeUndefined()
  expect(await stack.slots.list()).toEqual([])
}

describe('a retry by hand', () => {
  test('of a failed export carries the backup on to its archive and corrects the account', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 2 }) })
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({
      route: '/api/projects/{id}/backup/export',
      entity: project1,
      fault: notAllowed,
    })
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ ok: false, done: 1, failed: 1 })
    expect(await stack.store.readRunRecords()).toMatchObject([{ ok: false, failures: [{ code: 'forbidden' }] }])
    fault.remove()
    await retry.one('exports', await failedJob(stack, 'exports'))
    await expectCorrected(stack, runId, 2)
  })

  test('of a failed download carries the backup on to its archive and corrects the account', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 2 }) })
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({
      route: '/api/projects/{id}/backup/download',
      entity: project1,
      fault: notAllowed,
    })
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ ok: false, done: 1, failed: 1 })
    fault.remove()
    await retry.one('downloads', await failedJob(stack, 'downloads'))
    await expectCorrected(stack, runId, 2)
    expect(stack.simulator.stats.exportCount(project1)).toBe(1)
  })

  test('of a download whose file has gone meanwhile exports it again', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/download', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    fault.remove()
    stack.simulator.exports.cache.remove()
    await retry.one('downloads', await failedJob(stack, 'downloads'))
    await expectCorrected(stack, runId, 1)
    expect(stack.simulator.stats.exportCount(project1)).toBe(2)
  })

  test('of an incomplete archive, once its media is back, brings a good one beside it', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    stack.world.removeMedia(1)
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ failed: 1, failures: [{ code: 'incomplete' }] })
    stack.world.restoreMedia(1)
    // CVAT keeps the incomplete file in its cache until something about the project changes.
    stack.simulator.exports.cache.remove()
    await retry.one('downloads', await failedJob(stack, 'downloads'))
    await expectCorrected(stack, runId, 1)
    expect(await stack.archives()).toHaveLength(2)
  })

  test('that fails once more says so once, and may be tried again', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/export', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    const first = await failedJob(stack, 'exports')
    await retry.one('exports', first)
    await waitFor('the second failure', async () => fault.hits >= 2 && (await first.isFailed()))
    expect(await stack.ledger.read(runId)).toMatchObject({ failed: 1, done: 0 })
    fault.remove()
    await retry.one('exports', await failedJob(stack, 'exports'))
    await expectCorrected(stack, runId, 1)
  })

  test('of an old failure steps back where a later run has the backup under way', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/export', fault: notAllowed })
    const first = await stack.request()
    await stack.ended(first)
    fault.remove()
    stack.simulator.exports.pause()
    const second = await stack.request()
    await waitFor('the second export', () => stack.simulator.stats.exports.length === 1)
    const job = await failedJob(stack, 'exports')
    await retry.one('exports', job)
    await waitFor('the retry to end', () => job.isCompleted())
    stack.simulator.exports.resume()
    expect(await stack.ended(second)).toMatchObject({ done: 1 })
    expect(await stack.archives()).toHaveLength(1)
    expect(stack.simulator.stats.exports).toHaveLength(1)
  })

  test('of a job that is over and done changes nothing', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    const runId = await stack.request()
    await stack.ended(runId)
    for (const queue of ['exports', 'downloads'] as const) {
      const job = await waitFor('the job to be over', async () => (await stack.queues[queue].bull.getCompleted())[0])
      await retry.one(queue, job)
      await waitFor('the retry to end', () => job.isCompleted())
    }
    expect(await stack.ledger.read(runId)).toMatchObject({ done: 1, failed: 0 })
    expect(await stack.archives()).toHaveLength(1)
    expect(await stack.claims.read('project-1.backup')).toBeUndefined()
    expect(await stack.slots.list()).toEqual([])
    expect(stack.simulator.stats.exports).toHaveLength(1)
  })

  test('of all failed exports carries each on to its archive', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 3 }) })
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/export', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    fault.remove()
    await retry.all('exports', 3)
    await expectCorrected(stack, runId, 3)
  })

  test('of a run whose listing has failed lists anew, backs up everything and corrects the account', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 2, looseTasks: 1 }) })
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ method: 'GET', route: '/api/projects', fault: notAllowed })
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ ok: false, total: 0, listingError: expect.any(String) })
    await waitFor('the record', async () => (await stack.store.readRunRecords()).length === 1)
    fault.remove()
    await retry.one('runs', await failedJob(stack, 'runs'))
    await expectCorrected(stack, runId, 3)
    expect(await stack.store.readRunRecords()).toMatchObject([{ ok: true, total: 3, listingError: null }])
  })

  test('of a run whose listing fails once more says why, and may be tried again', async () => {
    const stack = await startStack(redis)
    const retry = await openRetry(stack)
    const fault = stack.simulator.faults.add({ method: 'GET', route: '/api/projects', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    await retry.one('runs', await failedJob(stack, 'runs'))
    await waitFor('the second failure', async () => fault.hits >= 2 && (await failedJob(stack, 'runs')))
    expect(await stack.ended(runId)).toMatchObject({ ok: false, listingError: expect.any(String) })
    fault.remove()
    await retry.one('runs', await failedJob(stack, 'runs'))
    await expectCorrected(stack, runId, 1)
  })

  test("of a run's end writes the record that could not be written", async () => {
    const stack = await startStack(redis, { services: ['exporter', 'downloader', 'sweeper'] })
    const retry = await openRetry(stack)
    const runs = `${stack.directory}/.cvat-backups/runs`
    await rename(runs, `${runs}.away`)
    await writeFile(runs, 'a file where the folder should be')
    await stack.start('scheduler')
    const runId = await stack.request()
    const job = await waitFor('the end of the run to be on its way', async () => {
      const jobs = await stack.queues.runs.bull.getJobs(['delayed', 'failed'])
      return jobs.find(({ data }) => data.do === 'end-run')
    })
    await waitFor(
      'the end of the run to fail',
      async () => {
        if (await job.isDelayed()) await job.promote()
        return job.isFailed()
      },
      { timeoutMs: 30_000 },
    )
    expect(await stack.ended(runId)).toMatchObject({ done: 1 })
    await rm(runs)
    await rename(`${runs}.away`, runs)
    await retry.one('runs', job)
    await expectCorrected(stack, runId, 1)
  })

  test('of an outcome that could not be counted counts it, and the run ends', async () => {
    const stack = await startStack(redis, { services: ['scheduler', 'exporter', 'downloader', 'sweeper'] })
    const retry = await openRetry(stack)
    await stack.queues.outcomes.bull.pause()
    const runId = await stack.request()
    const waiting = await waitFor('the outcome', async () => (await stack.queues.outcomes.bull.getWaiting())[0])
    const { name, data } = waiting
    await waiting.remove()
    // The account is something else for a while: Redis refuses to count.
    const account = `${stack.connection.prefix}:run:${runId}`
    await stack.connection.redis.rename(account, `${account}:away`)
    await stack.connection.redis.set(account, 'x')
    await stack.queues.outcomes.add({ name, jobId: 'counted', payload: data, options: { attempts: 1 } })
    await stack.queues.outcomes.bull.resume()
    const job = await failedJob(stack, 'outcomes')
    expect(job.failedReason).toContain('WRONGTYPE')
    await stack.connection.redis.rename(`${account}:away`, account)
    await retry.one('outcomes', job)
    expect(await stack.ended(runId)).toMatchObject({ ok: true, done: 1 })
    await expectCorrected(stack, runId, 1)
  })

  test('of a workflow that could not be noted notes it and corrects the account', async () => {
    const world = smallWorld()
    const stack = await startStack(redis, { world })
    const retry = await openRetry(stack)
    await stack.backUp()
    world.setJobState(1, 'completed')
    await stack.queues.workflows.bull.pause()
    const runId = await stack.request()
    await waitFor('the plan', async () => (await stack.queues.workflows.bull.getWaitingCount()) === 1)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}', fault: notAllowed })
    await stack.queues.workflows.bull.resume()
    expect(await stack.ended(runId)).toMatchObject({
      ok: false,
      noted: 0,
      failed: 1,
      failures: [{ code: 'forbidden' }],
    })
    fault.remove()
    await retry.one('workflows', await failedJob(stack, 'workflows'))
    await waitFor('the record to be corrected', async () => {
      const record = (await stack.store.readRunRecords()).find((each) => each.runId === runId)
      return record?.ok === true && record.noted === 1 && record.failed === 0
    })
    expect(await stack.backUp()).toMatchObject({ ok: true, noted: 0, skipped: 1 })
  })

  test('of a sweep removes what it could not', async () => {
    const stack = await startStack(redis, {
      rules: { ttlMs: 0, minBackups: 1 },
      services: ['scheduler', 'exporter', 'downloader'],
    })
    const retry = await openRetry(stack)
    await stack.backUp()
    await stack.backUp({ full: true })
    expect(await stack.archives()).toHaveLength(2)
    const folder = dirname((await stack.archives())[0]!.archivePath)
    await stack.queues.sweeps.bull.drain()
    await rename(folder, `${folder}.away`)
    await writeFile(folder, 'a file where the folder should be')
    const payload = { entity: project1 }
    await stack.queues.sweeps.add({ name: 'project 1', jobId: 's1', payload, options: { attempts: 1 } })
    await stack.start('sweeper')
    const job = await failedJob(stack, 'sweeps')
    await rm(folder)
    await rename(`${folder}.away`, folder)
    await retry.one('sweeps', job)
    await waitFor('the sweep to be done', async () => (await stack.archives()).length === 1)
    expect((await stack.archives()).every(({ record }) => isGood(record))).toBe(true)
  })

  test('of a verification that found damage looks again, and finds the archive good once it is', async () => {
    const stack = await startStack(redis, { verifyPasses: 1 })
    const retry = await openRetry(stack)
    await stack.backUp()
    const [archive] = await stack.archives()
    const sound = await readFile(archive!.archivePath)
    await flipByte(archive!.archivePath, 100)
    await stack.queues.verifications.add({ name: 'pass', jobId: 'v1', payload: {}, options: { attempts: 1 } })
    const job = await failedJob(stack, 'verifications')
    expect((await stack.archives()).some(({ record }) => isGood(record))).toBe(false)
    await writeFile(archive!.archivePath, sound)
    await retry.one('verifications', job)
    await waitFor('the pass to be over', () => job.isCompleted())
    expect((await stack.archives()).every(({ record }) => isGood(record))).toBe(true)
  })

  test('has as many attempts as the job had at first: a hiccup does not end it', async () => {
    const connection = await redis.connect()
    const { sweeps } = openQueuesOf(connection)
    const visitor = (await openBoard(connection, openToAll)).visitor()
    let faults = 3
    let gaveUp = 0
    const consumer = consume({
      definition: sweepsQueue,
      connection: await redis.connect(connection.prefix),
      logger: collectLogs().logger,
      concurrency: 1,
      handle: async () => {
        if (faults-- > 0) throw new Error('a hiccup')
        return 'done'
      },
      giveUp: async () => void gaveUp++,
    })
    onTestFinished(() => consumer.close())
    const options = { attempts: 2, backoff: { type: 'fixed', delay: 10 } }
    await sweeps.add({ name: 'all', jobId: 's1', payload: {}, options })
    await waitFor('the failure', async () => (await sweeps.bull.getJobState('s1')) === 'failed')
    await visitor.act('/queues/sweeps/s1/retry')
    await waitFor('the success', async () => (await sweeps.bull.getJobState('s1')) === 'completed')
    expect(gaveUp).toBe(1)
  })
})
