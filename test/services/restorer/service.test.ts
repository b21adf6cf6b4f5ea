// The restorer over its queue: what the board shows, and what a retry from it does.

import { expect, it, onTestFinished } from 'vitest'
import { startRestorer } from '#services/restorer/service.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { type RestorePayload, restoresQueue } from '#shared/queues/restores-queue.ts'
import { isTargetServed } from '#shared/restores/announce-target.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { newPrefix, useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { describePayload, openRestoreFixture, storeProject } from './restore-fixture.ts'

const redis = useRedis()
expectNoLeaks()

async function start() {
  const fixture = await openRestoreFixture()
  const archive = await storeProject(fixture.store)
  const prefix = newPrefix()
  const connection = await redis.connect(prefix)
  const queue = openQueue(restoresQueue, connection)
  const service = await startRestorer({
    ...fixture.deps,
    connection: await redis.connect(prefix),
    logger: fixture.logs.logger,
    parallelRestores: 2,
    drillSample: 0,
    serverUrl: 'https://cvat.example.org',
  })
  onTestFinished(async () => {
    await service.close()
    await queue.close()
  })
  const add = async (more: Partial<RestorePayload> = {}) => {
    const payload = describePayload(archive, fixture.target, more)
    await queue.add({ name: payload.name, jobId: `${payload.restoreId}.project-6`, payload })
    return (await queue.bull.getJob(`${payload.restoreId}.project-6`))!
  }
  const ended = (id: string) =>
    waitFor(`job ${id} to end`, async () => {
      const state = await queue.bull.getJobState(id)
      if (state === 'completed' || state === 'failed') return (await queue.bull.getJob(id))!
      throw new Error(state)
    })
  return { ...fixture, connection, service, add, ended }
}

it('tells phases and bytes as progress, and the link at the end', async () => {
  const { add, ended, present, target } = await start()
  const job = await add()
  const done = await ended(job.id!)
  expect(done.failedReason).toBeUndefined()
  expect(JSON.parse(String(done.returnvalue))).toMatchObject({ link: `${target.url}/projects/1`, differences: [] })
  expect(done.progress).toEqual({ phase: 'people' })
  expect(present()).toEqual(['alpha'])
})

it('a job that failed goes on when it is retried, and makes nothing twice', async () => {
  const { add, ended, present, target, store } = await start()
  target.faults.addImport({ nth: 1, fate: { kind: 'fail', message: 'ValueError: no room\n' } })
  const job = await add()
  const failed = await ended(job.id!)
  expect(failed.failedReason).toContain("CVAT's import failed: ValueError: no room")
  expect(await store.readRestoreState('test', { type: 'project', id: 6 })).toMatchObject({
    failure: { code: 'import-failed' },
  })
  await failed.retry('failed')
  expect((await ended(job.id!)).failedReason).toBeUndefined()
  expect(present()).toEqual(['alpha'])
  const state = await store.readRestoreState('test', { type: 'project', id: 6 })
  expect([state?.state, state?.failure]).toEqual(['done', undefined])
})

it('refuses a job for another server than its target', async () => {
  const { add, ended, target } = await start()
  const job = await add({ targetUrl: 'https://elsewhere.example.org' })
  expect((await ended(job.id!)).failedReason).toContain('refused: this restore is for https://elsewhere.example.org')
  expect(target.stats.requestCount()).toBe(0)
})

it('says which target it serves as long as it runs', async () => {
  const { connection, target } = await start()
  await waitFor('it to be told', () => isTargetServed(connection, target.url))
  expect(await isTargetServed(connection, 'https://elsewhere.example.org')).toBe(false)
})
