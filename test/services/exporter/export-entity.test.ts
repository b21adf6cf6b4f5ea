import { type Job, type Queue, UnrecoverableError, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { openRun, outcomeOf, planOf } from '../../shared/coordination/ledger-steps.ts'
import { horseMessage } from '../../simulator/export-queue.ts'
import { troubledAnswers } from '../../simulator/faults.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { makePayload, openExporter, project1, requestIdOf } from './exporter-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const series = 'project-1.backup'
const exportRoute = '/api/projects/{id}/backup/export'

describe('an export', () => {
  test('ends as a download with what was observed before it was asked for', async () => {
    const exporter = await openExporter(redis)
    expect(await exporter.handle()).toContain(requestIdOf(project1))
    const [download] = await exporter.downloadJobs()
    expect(download).toMatchObject({
      backupId: `run-1.${series}`,
      requestId: requestIdOf(project1),
      resultUrl: expect.stringContaining('/api/projects/1/backup/download'),
      observation: { name: 'project 1', tasks: [{ size: 2, jobCount: 1 }] },
      serverVersion: '2.64.1',
      exportAttempts: 1,
    })
    expect(await exporter.claims.read(series)).toMatchObject({ queue: 'downloads', jobId: `run-1.${series}` })
    expect(await exporter.slots.list()).toEqual([])
  })

  test('run again after a crash at its end adds no second download and asks for no second export', async () => {
    const exporter = await openExporter(redis)
    await exporter.handle()
    await exporter.handle({ payload: exporter.saved! })
    expect(await exporter.downloadJobs()).toHaveLength(1)
    expect(exporter.simulator.stats.exports).toHaveLength(1)
    expect(await exporter.slots.list()).toEqual([])
  })

  test('run again after its backup was counted as done leaves the claim alone', async () => {
    const exporter = await openExporter(redis)
    const ledger = openRunLedger(exporter.connection)
    await openRun(ledger, 'run-1')
    await ledger.plan('run-1', planOf('run-1', series))
    await exporter.handle()
    await ledger.settle(series, outcomeOf('run-1', series, 'done'))
    expect(await exporter.handle({ payload: exporter.saved! })).toBe('nobody waits for it any more')
    expect(await exporter.claims.read(series)).toBeUndefined()
    expect(exporter.simulator.stats.exports).toHaveLength(1)
  })

  test('killed right after asking attaches to its own export when it is run again', async () => {
    const exporter = await openExporter(redis, { capacity: { exportMs: 1_000 } })
    const noted = new Error('killed')
    const dying = { ...exporter.slots, note: () => Promise.reject(noted) }
    await expect(exporter.handle({ deps: { slots: dying } })).rejects.toBe(noted)
    expect(exporter.saved).toBeUndefined()
    // The export may run at the server, so its slot stays taken.
    expect(await exporter.slots.list()).toMatchObject([{ holder: series }])
    await exporter.handle()
    expect(exporter.simulator.stats.exports).toHaveLength(1)
    expect(await exporter.slots.list()).toEqual([])
  })

  test('of somebody else that is under way is attached to (409) and taken when it began after the last change', async () => {
    const exporter = await openExporter(redis)
    const user = exporter.world.findUser('admin')!
    exporter.simulator.exports.pause()
    exporter.simulator.exports.post(
      { entity: project1, kind: 'backup', format: null, fileName: null, base: exporter.simulator.url },
      user,
    )
    const handled = exporter.handle()
    await waitFor('the exporter to ask', () => exporter.saved?.asked)
    exporter.simulator.exports.resume()
    await handled
    expect(exporter.simulator.stats.requestCount(`POST ${exportRoute}`, 409)).toBe(1)
    expect(exporter.simulator.stats.exports).toHaveLength(1)
    expect(await exporter.downloadJobs()).toHaveLength(1)
  })

  test('of somebody else that began before the last change is awaited and asked for anew', async () => {
    const exporter = await openExporter(redis)
    const { world, simulator } = exporter
    simulator.faults.addExport({ entity: project1, nth: 1, fate: { kind: 'hold' } })
    simulator.exports.post(
      { entity: project1, kind: 'backup', format: null, fileName: null, base: simulator.url },
      world.findUser('admin')!,
    )
    world.renameProject(1, 'renamed after that export began')
    const handled = exporter.handle()
    await waitFor('the exporter to attach', () => exporter.saved?.asked)
    simulator.exports.finish(requestIdOf(project1))
    await handled
    expect(simulator.stats.requestCount(`POST ${exportRoute}`, 409)).toBe(1)
    expect(simulator.stats.exports).toHaveLength(2)
    expect(await exporter.downloadJobs()).toMatchObject([{ observation: { name: 'renamed after that export began' } }])
  })

  test('that always began too early is tried again later, not for ever', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.faults.add({
      route: '/api/requests/{id}',
      fault: { kind: 'rewrite', json: (body) => ({ ...(body as object), started_date: '2020-01-01T00:00:00Z' }) },
    })
    await expect(exporter.handle()).rejects.toMatchObject({ code: 'export-too-old', retryable: true })
    expect(exporter.simulator.stats.exports).toHaveLength(5)
    expect(await exporter.slots.list()).toEqual([])
  })
})

describe('a failed export', () => {
  test('whose worker was killed is tried again by the queue, with its slot free meanwhile', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.faults.addExport({ entity: project1, nth: 1, fate: { kind: 'kill-horse' } })
    await expect(exporter.handle()).rejects.toMatchObject({
      code: 'export-worker-died',
      retryable: true,
      message: expect.stringContaining(horseMessage.slice(0, 20)),
    })
    expect(await exporter.slots.list()).toEqual([])
    expect(exporter.saved?.asked).toBeUndefined()
    await exporter.handle({ payload: exporter.saved!, attempt: 2 })
    expect(await exporter.downloadJobs()).toMatchObject([{ exportAttempts: 2 }])
  })

  test('is not taken for its predecessor: an old failure of the same id is asked for anew', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.faults.addExport({ entity: project1, nth: 1, fate: { kind: 'fail', message: 'ValueError: x' } })
    await expect(exporter.handle()).rejects.toMatchObject({ code: 'export-failed' })
    await exporter.handle({ attempt: 2 })
    expect(await exporter.downloadJobs()).toHaveLength(1)
  })

  test('of a project that was deleted while it waited is final', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.exports.pause()
    const handled = exporter.handle().catch((error: unknown) => error)
    await waitFor('the exporter to ask', () => exporter.saved?.asked)
    exporter.world.deleteProject(1)
    exporter.simulator.exports.resume()
    expect(await handled).toMatchObject({ code: 'not-found', retryable: false })
    expect(await exporter.slots.list()).toEqual([])
  })

  test.each([
    ['was deleted before', 'not-found', troubledAnswers.denied, true],
    ['must not be seen', 'forbidden', troubledAnswers.denied, false],
  ])('of a project that %s is final and keeps no slot', async (_, code, answer, isDeleted) => {
    const exporter = await openExporter(redis)
    if (isDeleted) exporter.world.deleteProject(1)
    else exporter.simulator.faults.add({ route: exportRoute, fault: { kind: 'answer', answer: answer() } })
    await expect(exporter.handle()).rejects.toMatchObject({ code, retryable: false })
    expect(await exporter.slots.list()).toEqual([])
  })

  test('to ask at all, the server being down, keeps the slot: the export may have begun', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.faults.add({
      route: exportRoute,
      fault: { kind: 'answer', answer: troubledAnswers.badGateway() },
    })
    await expect(exporter.handle()).rejects.toMatchObject({ code: 'server-error', retryable: true })
    expect(await exporter.slots.list()).toMatchObject([{ holder: series }])
    exporter.simulator.faults.clear()
    await exporter.handle()
    expect(await exporter.slots.list()).toEqual([])
  })
})

describe('a task without data', () => {
  test.each([
    ['whose backup', { kind: 'backup' } as const],
    ['whose annotations', { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false } as const],
  ])('%s are asked for is reported as empty, without an export', async (_, content) => {
    const exporter = await openExporter(redis)
    const { id } = exporter.world.addTask({ projectId: null, name: 'no data', hasData: false })
    const payload = makePayload({ type: 'task', id }, content)
    expect(await exporter.handle({ payload })).toBe('nothing to back up')
    expect(await exporter.outcomes()).toMatchObject([{ result: 'empty', backupId: payload.backupId }])
    expect(exporter.simulator.stats.exports).toEqual([])
    expect(await exporter.slots.list()).toEqual([])
  })

  test('is told by the server itself where it lost its data after it was observed', async () => {
    const exporter = await openExporter(redis)
    const { id } = exporter.world.addTask({ projectId: null, name: 'data lost' })
    exporter.simulator.faults.add({
      route: '/api/tasks/{id}/backup/export',
      fault: {
        kind: 'run',
        action: () => {
          Object.assign(exporter.world.task(id), { data: null })
        },
      },
    })
    expect(await exporter.handle({ payload: makePayload({ type: 'task', id }) })).toBe('nothing to back up')
    expect(await exporter.slots.list()).toEqual([])
  })
})

describe('an export that takes too long', () => {
  test('fails clearly and for good, and keeps its slot while the server is at it', async () => {
    const exporter = await openExporter(redis, { requestTimeoutMs: 200 })
    exporter.simulator.faults.addExport({ entity: project1, fate: { kind: 'hold' } })
    await expect(exporter.handle()).rejects.toMatchObject({
      code: 'export-timeout',
      retryable: false,
      message: expect.stringContaining('still started at CVAT'),
      hint: expect.stringContaining('CVAT_BACKUP_REQUEST_TIMEOUT_HOURS'),
    })
    expect(await exporter.slots.list()).toMatchObject([{ holder: series, requestId: requestIdOf(project1) }])
    expect(exporter.saved?.asked).toBeUndefined()
  })

  test('gives its slot back when it was still queued, since then it can be cancelled', async () => {
    const exporter = await openExporter(redis, { requestTimeoutMs: 200 })
    exporter.simulator.exports.pause()
    await expect(exporter.handle()).rejects.toMatchObject({ code: 'export-timeout' })
    expect(await exporter.slots.list()).toEqual([])
    expect(exporter.simulator.stats.exports).toMatchObject([{ outcome: 'cancelled' }])
  })

  test('counts from when it was asked for, restarts of the exporter included', async () => {
    const exporter = await openExporter(redis, { requestTimeoutMs: 60_000 })
    exporter.simulator.exports.pause()
    const stopped = new AbortController()
    const handled = exporter.handle({ signal: stopped.signal }).catch(() => 'stopped')
    const asked = await waitFor('the exporter to ask', () => exporter.saved?.asked)
    stopped.abort(new Error('the service stops'))
    expect(await handled).toBe('stopped')
    const longAgo = { ...asked, at: new Date(Date.now() - 61_000).toISOString() }
    const payload = { ...exporter.saved!, asked: longAgo }
    await expect(exporter.handle({ payload })).rejects.toMatchObject({ code: 'export-timeout' })
  })

  test('but had finished meanwhile is taken all the same', async () => {
    const exporter = await openExporter(redis)
    await exporter.handle()
    await (await exporter.queues.downloads.bull.getJob(`run-1.${series}`))!.remove()
    const longAgo = { ...exporter.saved!.asked!, at: new Date(Date.now() - 3600_000).toISOString() }
    await exporter.handle({ payload: { ...exporter.saved!, asked: longAgo } })
    expect(await exporter.downloadJobs()).toHaveLength(1)
  })
})

describe('a restart of', () => {
  test("CVAT's own Redis, which forgets the request, has the export asked for again", async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.faults.addExport({ entity: project1, nth: 1, fate: { kind: 'hold' } })
    const handled = exporter.handle()
    await waitFor('the exporter to ask', () => exporter.saved?.asked)
    exporter.simulator.exports.forgetAll()
    await handled
    expect(exporter.simulator.stats.exports.map(({ outcome }) => outcome)).toEqual(['forgotten', 'finished'])
    expect(await exporter.slots.list()).toEqual([])
  })

  test('the exporter goes on with the export that it has asked for before', async () => {
    const exporter = await openExporter(redis)
    exporter.simulator.exports.pause()
    const stopped = new AbortController()
    const handled = exporter.handle({ signal: stopped.signal }).catch(() => 'stopped')
    await waitFor('the exporter to ask', () => exporter.saved?.asked)
    stopped.abort(new Error('the service stops'))
    await handled
    expect(await exporter.slots.list()).toHaveLength(1)
    exporter.simulator.exports.resume()
    await exporter.handle({ payload: exporter.saved! })
    expect(exporter.simulator.stats.exports).toHaveLength(1)
    expect(exporter.simulator.stats.requestCount(`POST ${exportRoute}`)).toBe(1)
  })
})

describe('a backup', () => {
  test('of a series that another one is about steps back without asking', async () => {
    const exporter = await openExporter(redis)
    await exporter.claims.hold({ series, backupId: 'other', runId: 'run-0', queue: 'exports', jobId: 'other' })
    expect(await exporter.handle()).toBe('superseded by other')
    expect(exporter.simulator.stats.exports).toEqual([])
  })

  test('whose run was interrupted is left alone', async () => {
    const exporter = await openExporter(redis)
    const ledger = openRunLedger(exporter.connection)
    await openRun(ledger, 'run-1')
    await ledger.plan('run-1', planOf('run-1', series))
    await ledger.end('run-1', 'interrupted')
    expect(await exporter.handle()).toBe('nobody waits for it any more')
    expect(exporter.simulator.stats.exports).toEqual([])
  })

  test('whose download has failed and whose export is run again brings that download back to life', async () => {
    const exporter = await openExporter(redis)
    await exporter.handle()
    const { bull } = exporter.queues.downloads
    await failDownload(bull)
    expect(await bull.getJobState(`run-1.${series}`)).toBe('failed')
    await exporter.handle({ payload: exporter.saved! })
    expect(await bull.getJobState(`run-1.${series}`)).toBe('waiting')
  })
})

/** What is left when a download failed for good. */
async function failDownload(queue: Queue): Promise<void> {
  const worker = new Worker(queue.name, null, {
    connection: queue.opts.connection as Redis,
    prefix: queue.opts.prefix!,
    autorun: false,
  })
  try {
    const job = (await worker.getNextJob('token')) as Job
    await job.moveToFailed(new UnrecoverableError('broken'), 'token', false)
  } finally {
    await worker.close()
  }
}
