// What the pages tell in words: reasons with their times, the jobs about one project, how far a restore has come, and names
// whatever they hold.

import { describe, expect, onTestFinished, test } from 'vitest'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { openProtectionTable } from '#shared/protection/protection-table.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { restoresQueue } from '#shared/queues/restores-queue.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openBoard, openQueuesOf, openToAll } from './board-fixture.ts'
import { plantStates, serverUrl } from './overview-fixture.ts'

const redis = useRedis()
expectNoLeaks()

async function open(prepare?: (world: Awaited<ReturnType<typeof plantStates>>) => Promise<void>) {
  const connection = await redis.connect()
  const world = await plantStates(connection)
  await prepare?.(world)
  const board = await openBoard(connection, { ...openToAll, store: world.store })
  const visitor = board.visitor()
  const json = async (path: string) => JSON.parse((await visitor.ask(`/api/v1${path}`)).text)
  await waitFor('the directory to be read', async () => (await json('/overview')).directory.readAt !== null)
  return { ...world, connection, visitor, json, queues: openQueuesOf(connection), ledger: openRunLedger(connection) }
}

/** What a person reads: no tag and no attribute. */
function textOf(page: string): string {
  return page.slice(page.indexOf('<main')).replaceAll(/<[^>]*>/g, ' ')
}

const rawTime = /\d{4}-\d\d-\d\dT\d\d:\d\d/

describe('reasons', () => {
  test.each([
    ['project-1', 'found protected at'],
    ['project-2', 'last found protected at'],
    ['project-3', 'the last attempt failed at'],
    ['project-4', 'there is no good archive'],
    ['project-6', 'the server no longer has it (noticed at'],
    ['project-8', 'the newest archive is of an old state'],
  ])('of %s are said, with times that a script writes in the zone of the viewer', async (key, said) => {
    const { visitor, json } = await open()
    const { text } = await visitor.open(`/entities/${key}`)
    expect(textOf(text)).toContain(said)
    expect(textOf(text)).not.toMatch(rawTime)
    const [why] = /<dt>Why<\/dt><dd>.*?<\/dd>/s.exec(text)!
    if (/ at$| at /.test(said)) expect(why).toMatch(/<time datetime="[^"]+" title="[^"]+ UTC" data-local>/)
    // Programs get the same in words, with times that they can read.
    const { entities } = await json(`/entities/${key}`)
    expect(entities[0].reasons.join()).toContain(said)
  })

  test('of failures and notes of a run have their times shown like all others', async () => {
    const { visitor, ledger } = await open()
    const runId = '20261126T000000Z-p-000001'
    await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'event' })
    const [series, backupId] = ['project-3.backup', `${runId}.project-3.backup`]
    await ledger.plan(runId, { series, name: 'Crop rows', action: 'backup', reason: '', backupId })
    await ledger.settle(series, {
      ...{ backupId, runId, name: 'Crop rows', result: 'failed', sizeBytes: 0, code: 'export-failed' },
      series: { entity: { type: 'project', id: 3 }, content: { kind: 'backup' } },
      reason: 'no answer since 2026-11-26T00:10:00.000Z',
      hint: 'Wait until 2026-11-26T01:00:00Z',
    })
    await ledger.addNote(runId, { series, name: 'Crop rows', text: 'as of 2026-11-25T12:00:00Z' })
    await ledger.endListing(runId, 'the list broke off at 2026-11-26T00:01:00Z')
    const { text } = await visitor.open(`/runs/${runId}`)
    for (const said of ['by an event', 'no answer since', 'Wait until', 'as of', 'the list broke off at']) {
      expect(textOf(text)).toContain(said)
    }
    expect(textOf(text)).not.toMatch(rawTime)
    expect(text).toContain('title="2026-11-26 00:10:00 UTC"')
    // One that is not over is asked for by events, and now and then where no events come through.
    expect(text).toContain('hx-trigger="progress, every 30s"')
  })
})

describe('the jobs about one project', () => {
  const payload = (runId: string): ExportPayload => ({
    backupId: `${runId}.project-3.backup`,
    runId,
    series: { entity: { type: 'project', id: 3 }, content: { kind: 'backup' } },
    name: 'Crop rows',
    organization: null,
    link: `${serverUrl}/projects/3`,
    reexports: 0,
  })

  test('are on its page and in the API, the newest first, with state, reason, lines and a link to each', async () => {
    const { visitor, json, queues, ledger } = await open()
    const runIds = ['20261125T000000Z-p-000001', '20261126T000000Z-p-000002']
    for (const runId of runIds) {
      await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'schedule' })
      const { backupId } = payload(runId)
      await queues.exports.add({ name: 'Crop rows', jobId: backupId, payload: payload(runId) })
      const other = { ...payload(runId), series: { entity: { type: 'project', id: 33 }, content: { kind: 'backup' } } }
      await queues.exports.bull.add('another', other, { jobId: `${runId}.project-33.backup` })
    }
    await queues.verifications.add({
      name: 'all archives of project-3',
      jobId: 'verify-project-3',
      payload: { entities: [{ type: 'project', id: 3 }] },
    })
    await queues.changes.add({
      name: 'project-3 changed',
      jobId: 'project-3.7',
      payload: { do: 'back-up', entity: { type: 'project', id: 3 }, generation: 7 },
      options: { delay: 3600_000 },
    })
    const job = await queues.exports.bull.getJob(payload(runIds[1]!).backupId)
    for (let line = 1; line <= 40; line++)
      await job!.log(`2026-11-26T00:00:${String(line).padStart(2, '0')}Z INFO line ${line}`)

    const { jobs } = await json('/entities/project-3/jobs')
    expect(jobs.map(({ queue, job: id }: { queue: string; job: string }) => [queue, id])).toEqual([
      ['changes', 'project-3.7'],
      ['verifications', 'verify-project-3'],
      ...runIds.toReversed().map((runId) => ['exports', payload(runId).backupId]),
    ])
    expect(jobs[0].state).toBe('delayed')
    expect(jobs[2].lines).toHaveLength(30)
    expect(jobs[2].lines.at(-1)).toContain('line 40')

    const { text } = await visitor.open('/entities/project-3')
    const log = text.slice(text.indexOf('id="jobs"'))
    expect(log).toContain(`href="/queues/queue/exports/${encodeURIComponent(payload(runIds[1]!).backupId)}"`)
    expect(log).toContain('waits for its time')
    expect(log).toContain('INFO line 40')
    expect(textOf(text)).not.toMatch(rawTime)
    expect(log).not.toContain('project-33')
  })

  test('say why they failed; one that cannot be read hides no other', async () => {
    const { visitor, queues, ledger, connection } = await open()
    const runId = '20261126T000000Z-p-000002'
    await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'schedule' })
    const { backupId } = payload(runId)
    await queues.downloads.bull.add('Crop rows', payload(runId), { jobId: backupId })
    const { redis: client, prefix } = connection
    await client.hset(`${prefix}:downloads:${backupId}`, {
      failedReason: 'no space <b>left</b>',
      finishedOn: Date.now(),
      atm: 3,
    })
    await client.lrem(`${prefix}:downloads:wait`, 0, backupId)
    await client.zadd(`${prefix}:downloads:failed`, Date.now(), backupId)
    await client.hset(`${prefix}:exports:${backupId}`, { name: 'x', data: '{', timestamp: '1' })
    const { text, status } = await visitor.open('/entities/project-3')
    expect(status).toBe(200)
    expect(text).toContain('no space &lt;b&gt;left&lt;/b&gt;')
    expect(textOf(text)).toContain('3 attempts')
  })

  test('that are none are said to be none', async () => {
    const { visitor } = await open()
    expect((await visitor.open('/entities/project-4')).text).toContain('There is no job about it any more')
  })
})

describe('a restore', () => {
  const entity = { type: 'project', id: 1 } as const
  const restoreId = '20261126T000000Z-restore-00000001'
  const state = (more: Partial<RestoreState>): RestoreState => ({
    ...{ formatVersion: 1, type: 'restore', restoreId, entity, targetUrl: 'https://new.example.com', mark: 'm' },
    archive: { fileName: 'a.zip', sha256: 'a'.repeat(64) },
    ...{ state: 'uploading', startedAt: '2026-11-26T00:00:00Z' },
    ...more,
  })

  test('shows what will be made of the archive, and what is known to be wrong with it', async () => {
    const { visitor, store } = await open()
    const [stale] = (await store.listRecords({ type: 'project', id: 8 })).archives
    const file = encodeURIComponent(stale!.record.archive.fileName)
    const { text } = await visitor.open(`/entities/project-8/restore?archive=${file}`)
    expect(text).toContain('Will be made: a project with 1 task, 100 frames.')
    expect(text).toContain('stale: task 24 changed since')
    expect(text).toContain('No restorer is running')
  })

  test('is followed from its wait to its end, upload and differences included', async () => {
    const { visitor, json, store, connection } = await open()
    const restores = openQueue(restoresQueue, connection)
    onTestFinished(() => restores.close())
    const path = `/restores/${restoreId}/project-1`
    const look = async () => ({ page: (await visitor.open(path)).text, api: await json(path) })
    const waiting = await look()
    expect(waiting.api).toMatchObject({ state: 'waiting', progress: null })
    expect(waiting.page).toContain('waits for the restorer')
    expect(waiting.page).toContain('hx-trigger="every 2s"')

    await store.writeRestoreState(state({}))
    const job = await restores.bull.add('x', {}, { jobId: `${restoreId}.project-1` })
    await job.updateProgress({ phase: 'upload', sentBytes: 2_500_000, totalBytes: 10_000_000 })
    const uploading = await look()
    expect(uploading.api.progress).toEqual({ phase: 'upload', sentBytes: 2_500_000, totalBytes: 10_000_000 })
    expect(uploading.page).toContain('<progress id="progress" max="10000000" value="2500000">')
    expect(textOf(uploading.page)).toContain('2.5 MB / 10.0 MB')

    await job.updateProgress({ phase: 'import' })
    await store.writeRestoreState(state({ state: 'importing' }))
    const importing = await look()
    expect([importing.page.includes('is being imported by the target'), importing.page.includes('<progress')]).toEqual([
      true,
      false,
    ])

    const failure = { code: 'import-failed', reason: 'CVAT said <no>', hint: 'See its log' }
    await store.writeRestoreState(state({ state: 'importing', failure }))
    const failed = await look()
    expect(failed.api).toMatchObject({ state: 'failed', progress: null, failure })
    expect(textOf(failed.page)).toContain('import-failed: CVAT said &lt;no&gt; . See its log'.replace(' . ', '. '))
    expect(failed.page).not.toContain('hx-trigger')

    const differences = [{ where: 'task_2', what: '3 shapes are missing' }]
    await store.writeRestoreState(state({ state: 'done', resultId: 77, differences, endedAt: '2026-11-26T00:05:00Z' }))
    const done = await look()
    expect(done.api).toMatchObject({ state: 'done', result: 77, differences })
    expect(done.page).toContain('task_2: 3 shapes are missing')
    expect(done.page).toContain('href="https://new.example.com/projects/77"')
  })
})

test('a name from the server forges nothing on any page', async () => {
  const name = '"><script>alert(1)</script>\u202egpj.exe\u0007 שלום'
  const { visitor, ledger } = await open(async ({ protection }) => {
    await protection.noteListed('p', Date.now(), [
      {
        series: { entity: { type: 'project', id: 4 }, content: { kind: 'backup' } },
        ...{ name, organization: null, link: 'javascript:alert(1)', found: 'due', archive: undefined },
      },
    ] as Parameters<ReturnType<typeof openProtectionTable>['noteListed']>[2])
  })
  const runId = '20261126T000000Z-p-000001'
  await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'schedule' })
  const [series, backupId] = ['project-4.backup', `${runId}.project-4.backup`]
  await ledger.plan(runId, { series, name, action: 'backup', reason: '', backupId })
  await ledger.settle(series, {
    ...{ backupId, runId, name, result: 'failed', sizeBytes: 0, code: 'export-failed', reason: name },
    series: { entity: { type: 'project', id: 4 }, content: { kind: 'backup' } },
  })
  for (const path of ['/', '/?search=script', '/entities/project-4', '/runs', `/runs/${runId}`]) {
    const { text } = await visitor.open(path)
    expect([path, text.includes('<script>alert'), ['\u202e', '\u0007'].some((one) => text.includes(one))]).toEqual([
      path,
      false,
      false,
    ])
    if (path !== '/runs') expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;\ufffdgpj.exe\ufffd שלום')
    expect(text).not.toContain('href="javascript:')
  }
})
