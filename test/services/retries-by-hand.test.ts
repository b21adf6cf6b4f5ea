// What a person does on the board when a backup has failed: mend the cause, press retry. Then the backup is carried on
// to its archive, and the run's account and record say so.

import type { Job } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { troubledAnswers } from '../simulator/faults.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { smallWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

const project1 = { type: 'project', id: 1 } as const
const notAllowed = { kind: 'answer', answer: troubledAnswers.denied() } as const

async function failedJob(stack: Stack, queue: 'exports' | 'downloads'): Promise<Job> {
  return waitFor(`a failed job in ${queue}`, async () => (await stack.queues[queue].bull.getFailed())[0])
}

async function expectCorrected(stack: Stack, runId: string, done: number) {
  const account = await waitFor('the account to be corrected', async () => {
    const now = await stack.ledger.read(runId)
    return now?.failed === 0 && now
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
    const fault = stack.simulator.faults.add({
      route: '/api/projects/{id}/backup/export',
      entity: project1,
      fault: notAllowed,
    })
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ ok: false, done: 1, failed: 1 })
    expect(await stack.store.readRunRecords()).toMatchObject([{ ok: false, failures: [{ code: 'forbidden' }] }])
    fault.remove()
    await (await failedJob(stack, 'exports')).retry()
    await expectCorrected(stack, runId, 2)
  })

  test('of a failed download carries the backup on to its archive and corrects the account', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 2 }) })
    const fault = stack.simulator.faults.add({
      route: '/api/projects/{id}/backup/download',
      entity: project1,
      fault: notAllowed,
    })
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ ok: false, done: 1, failed: 1 })
    fault.remove()
    await (await failedJob(stack, 'downloads')).retry()
    await expectCorrected(stack, runId, 2)
    expect(stack.simulator.stats.exportCount(project1)).toBe(1)
  })

  test('of a download whose file has gone meanwhile exports it again', async () => {
    const stack = await startStack(redis)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/download', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    fault.remove()
    stack.simulator.exports.cache.remove()
    await (await failedJob(stack, 'downloads')).retry()
    await expectCorrected(stack, runId, 1)
    expect(stack.simulator.stats.exportCount(project1)).toBe(2)
  })

  test('of an incomplete archive, once its media is back, brings a good one beside it', async () => {
    const stack = await startStack(redis)
    stack.world.removeMedia(1)
    const runId = await stack.request()
    expect(await stack.ended(runId)).toMatchObject({ failed: 1, failures: [{ code: 'incomplete' }] })
    stack.world.restoreMedia(1)
    // CVAT keeps the incomplete file in its cache until something about the project changes.
    stack.simulator.exports.cache.remove()
    await (await failedJob(stack, 'downloads')).retry()
    await expectCorrected(stack, runId, 1)
    expect(await stack.archives()).toHaveLength(2)
  })

  test('that fails once more says so once, and may be tried again', async () => {
    const stack = await startStack(redis)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/export', fault: notAllowed })
    const runId = await stack.request()
    await stack.ended(runId)
    const first = await failedJob(stack, 'exports')
    await first.retry()
    await waitFor('the second failure', async () => fault.hits >= 2 && (await first.isFailed()))
    expect(await stack.ledger.read(runId)).toMatchObject({ failed: 1, done: 0 })
    fault.remove()
    await (await failedJob(stack, 'exports')).retry()
    await expectCorrected(stack, runId, 1)
  })

  test('of an old failure steps back where a later run has the backup under way', async () => {
    const stack = await startStack(redis)
    const fault = stack.simulator.faults.add({ route: '/api/projects/{id}/backup/export', fault: notAllowed })
    const first = await stack.request()
    await stack.ended(first)
    fault.remove()
    stack.simulator.exports.pause()
    const second = await stack.request()
    await waitFor('the second export', () => stack.simulator.stats.exports.length === 1)
    const job = await failedJob(stack, 'exports')
    await job.retry()
    await waitFor('the retry to end', () => job.isCompleted())
    stack.simulator.exports.resume()
    expect(await stack.ended(second)).toMatchObject({ done: 1 })
    expect(await stack.archives()).toHaveLength(1)
    expect(stack.simulator.stats.exports).toHaveLength(1)
  })

  test('of a job that is over and done changes nothing', async () => {
    const stack = await startStack(redis)
    const runId = await stack.request()
    await stack.ended(runId)
    for (const queue of ['exports', 'downloads'] as const) {
      const job = await waitFor('the job to be over', async () => (await stack.queues[queue].bull.getCompleted())[0])
      await job.retry('completed')
      await waitFor('the retry to end', () => job.isCompleted())
    }
    expect(await stack.ledger.read(runId)).toMatchObject({ done: 1, failed: 0 })
    expect(await stack.archives()).toHaveLength(1)
    expect(await stack.claims.read('project-1.backup')).toBeUndefined()
    expect(await stack.slots.list()).toEqual([])
    expect(stack.simulator.stats.exports).toHaveLength(1)
  })
})
