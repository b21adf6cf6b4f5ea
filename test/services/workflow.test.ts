// What no archive holds, from the server to the sidecar, with all services.

import { rm } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import { badGatewayPage, denied } from '../simulator/answers.ts'
import { seedBulk } from '../simulator/seed-bulk.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { removeKeys, useRedis } from '../support/redis-server.ts'
import { emptyWorld, smallWorld } from '../support/small-world.ts'
import { type Stack, type StackOptions, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { openDownloader } from './downloader/downloader-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const project1: EntityRef = { type: 'project', id: 1 }
const task1: EntityRef = { type: 'task', id: 1 }

/** Of the archive of project 1 whenever it is made: CVAT loses the task without data. */
const aboutNoData = {
  series: 'project-1.backup',
  text: expect.stringMatching(/^before a restore, know this: [^;]*"no data"$/),
}

/** Project 1 in an organization, with a task of two jobs and a task without data; backed up once. */
async function startBackedUp(options: StackOptions = {}) {
  const world = emptyWorld()
  world.addUser({ username: 'bob', password: 'x', email: 'bob@secret.example' })
  world.addOrganization({ slug: 'acme' })
  world.addProject({ name: 'A', organization: 'acme' })
  const task = world.addTask({ projectId: 1, name: 'first', frames: 4, jobs: 2, bytesPerFrame: 300 })
  world.addTask({ projectId: 1, name: 'no data', hasData: false })
  const stack = await startStack(redis, { world, ...options })
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, noted: 0, notes: [aboutNoData] })
  stack.simulator.stats.exports.length = 0
  return { stack, world, jobs: task.jobIds as [number, number] }
}

async function newest(stack: Stack, entity: EntityRef = project1) {
  const workflow = await stack.store.workflows.newest(entity, stack.simulator.url)
  if (!workflow) throw new Error('no workflow')
  return { ...workflow, rows: await Array.fromAsync(stack.store.workflows.read(workflow)) }
}

const ofType = (rows: readonly WorkflowRow[], type: WorkflowRow['type']) => rows.filter((row) => row.type === type)
const exports = (stack: Stack) => stack.simulator.stats.exports.map(({ entity }) => `${entity.type}-${entity.id}`)

describe('a backup', () => {
  test('has a sidecar that says who works on what, how far it is, and what was found', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.assignProject(1, 'bob')
    world.assignTask(1, 'bob')
    world.assignJob(jobs[0], 'bob')
    world.setJobStage(jobs[0], 'validation')
    world.setJobState(jobs[1], 'rejected')
    const issue = world.addIssue(jobs[1], 'bob', 3, [1, 2, 3.5, 4], 'look here')
    world.addComment(issue.id, 'seen', 'admin')
    world.resolveIssue(issue.id, true)
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, noted: 0 })
    const { rows, head, end } = await newest(stack)
    const { backupId } = (await stack.store.newestGood(
      { entity: project1, content: { kind: 'backup' } },
      stack.simulator.url,
    ))!.record.origin
    expect(head).toMatchObject({ entity: project1, server: { url: stack.simulator.url }, origin: { backupId } })
    expect(end).toMatchObject({ tasks: 2, jobs: 2, issues: 1, comments: 2, missing: [] })
    expect(rows[0]).toMatchObject({ type: 'project', organization: 'acme', owner: 'admin', assignee: 'bob' })
    expect(ofType(rows, 'task')).toMatchObject([
      { id: 1, name: 'first', position: 0, assignee: 'bob', status: 'annotation' },
      { id: 2, name: 'no data', position: 1, assignee: null },
    ])
    expect(ofType(rows, 'job')).toMatchObject([
      {
        taskId: 1,
        jobType: 'annotation',
        startFrame: 0,
        stopFrame: 1,
        stage: 'validation',
        state: 'new',
        assignee: 'bob',
      },
      { taskId: 1, startFrame: 2, stopFrame: 3, stage: 'annotation', state: 'rejected', assignee: null },
    ])
    expect(ofType(rows, 'issue')).toMatchObject([
      { id: issue.id, jobId: jobs[1], frame: 3, position: [1, 2, 3.5, 4], resolved: true, owner: 'bob' },
    ])
    expect(ofType(rows, 'comment')).toMatchObject([
      { issueId: issue.id, owner: 'bob', text: 'look here' },
      { issueId: issue.id, owner: 'admin', text: 'seen' },
    ])
    expect(JSON.stringify(rows)).not.toContain('secret.example')
  })

  test('of a task by itself has its own, one of annotations has none', async () => {
    const { stack } = await startBackedUp()
    await stack.backUp({ mode: 'a' })
    expect((await stack.store.workflows.list(project1)).workflows).toHaveLength(1)
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ ok: true, done: 1, empty: 1 })
    expect((await newest(stack, task1)).rows.map(({ type }) => type)).toEqual(['task', 'job', 'job'])
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ done: 0, noted: 0, skipped: 1 })
    expect(await stack.backUp({ mode: 'a' })).toMatchObject({ done: 0, noted: 0, skipped: 1 })
  })

  test('is not lost with its sidecar: the run says so, and the next one makes up for it', async () => {
    const world = smallWorld()
    const stack = await startStack(redis, { world })
    const job = world.task(1).jobIds[0]!
    world.addIssue(job, 'admin', 0, [1, 1])
    // Three times is as often as the test's client asks; the scheduler's own question comes first.
    stack.simulator.faults.add({
      route: '/api/comments',
      times: 3,
      fault: { kind: 'answer', answer: badGatewayPage() },
    })
    const text = expect.stringMatching(
      /^stages, assignees and issues could not be noted, the next run tries again: .*502/,
    )
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, notes: [{ series: 'project-1.backup', text }] })
    expect((await stack.archives()).length).toBe(1)
    expect((await stack.store.workflows.list(project1)).workflows).toEqual([])
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 0, noted: 1, notes: [] })
    expect(exports(stack)).toEqual(['project-1'])
    expect((await newest(stack)).end).toMatchObject({ issues: 1, comments: 1 })
  })
})

/** Each with whether it costs an export. */
const changes: Record<
  string,
  [isExported: boolean, change: (world: Stack['world'], job: number, issue: number) => void]
> = {
  'a job state': [false, (world, job) => world.setJobState(job, 'completed')],
  'a job stage that leaves the status of the task': [false, (world, job) => world.setJobStage(job, 'acceptance')],
  'an issue found': [false, (world, job) => void world.addIssue(job, 'bob', 0, [1, 1])],
  'an issue resolved': [false, (world, _, issue) => void world.resolveIssue(issue, true)],
  'an issue removed': [false, (world, _, issue) => world.removeIssue(issue)],
  'a comment': [false, (world, _, issue) => void world.addComment(issue, 'more')],
  'a user deleted': [false, (world) => world.deleteUser('bob')],
  'a job given to somebody': [true, (world, job) => world.assignJob(job, 'admin')],
  'a job stage that changes the status of the task': [
    true,
    (world) => {
      for (const job of world.jobsOf(world.task(1))) world.setJobStage(job.id, 'validation')
    },
  ],
  'a ground truth job': [true, (world) => void world.addGroundTruthJob(1)],
  'a ground truth job replaced': [
    true,
    (world) => {
      world.removeGroundTruthJob(3)
      world.addGroundTruthJob(3)
    },
  ],
  'an annotation': [true, (world) => world.annotate(1)],
  nothing: [false, () => undefined],
}

describe('a change of', () => {
  test.each(Object.entries(changes))('%s costs what it must, once', async (name, [isExported, change]) => {
    const { stack, world, jobs } = await startBackedUp()
    world.addTask({ projectId: 1, name: 'with ground truth', frames: 2, bytesPerFrame: 300 })
    world.addGroundTruthJob(3)
    const issue = world.addIssue(jobs[1], 'bob', 2, [5, 5])
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1 })
    stack.simulator.stats.exports.length = 0
    const before = (await newest(stack)).fileName
    change(world, jobs[0], issue.id)
    const summary = await stack.backUp()
    expect(summary.failed + summary.empty).toBe(0)
    expect(exports(stack).includes('project-1')).toBe(isExported)
    if (!isExported) {
      expect(exports(stack)).toEqual([])
      const noted = name === 'nothing' ? 0 : 1
      expect(summary).toMatchObject({ total: 1, done: 0, noted, skipped: 1 - noted })
      expect((await newest(stack)).fileName === before).toBe(name === 'nothing')
    }
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 0, noted: 0 })
  })

  test('who is gone leaves what they did, without their name', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.addIssue(jobs[1], 'bob', 2, [5, 5], 'by bob')
    world.deleteUser('bob')
    await stack.backUp()
    const { rows } = await newest(stack)
    expect(ofType(rows, 'issue')).toMatchObject([{ owner: null }])
    expect(ofType(rows, 'comment')).toMatchObject([{ owner: null, text: 'by bob' }])
  })

  test('the skip of an entity whose workflow alone changed says so', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.setJobState(jobs[0], 'completed')
    await stack.backUp()
    const planned = stack.logs.lines.filter(({ msg, action }) => msg === 'planned' && action === 'workflow')
    expect(planned).toMatchObject([
      {
        reason: expect.stringMatching(/^unchanged since its archive of .*; only its workflow is noted: stages, states/),
      },
    ])
  })
})

describe('issues that may not be read', () => {
  const refuse = (stack: Stack, route: string) =>
    stack.simulator.faults.add({ route, method: 'GET', fault: { kind: 'answer', answer: denied() } })

  test.each(['/api/issues', '/api/comments'])('%s: the rest is noted, and what is missing is named', async (route) => {
    const { stack, world, jobs } = await startBackedUp()
    world.addIssue(jobs[0], 'bob', 0, [1, 1])
    const rule = refuse(stack, route)
    const what = route.slice('/api/'.length)
    const text = expect.stringMatching(new RegExp(`^${what} could not be read \\(.*403`))
    expect(await stack.backUp()).toMatchObject({
      ok: true,
      noted: 1,
      notes: [{ series: 'project-1.workflow', name: 'A', text }],
    })
    const { end, rows } = await newest(stack)
    expect(end.missing).toMatchObject([{ what, reason: expect.stringContaining('403') }])
    expect(ofType(rows, 'job')).toHaveLength(2)
    expect(ofType(rows, 'comment')).toEqual([])
    expect(await stack.backUp(), 'not again each night').toMatchObject({ ok: true, noted: 0, skipped: 1, notes: [] })
    rule.remove()
    if (route === '/api/comments') return
    expect(await stack.backUp()).toMatchObject({ ok: true, noted: 1, notes: [] })
    expect((await newest(stack)).end).toMatchObject({ issues: 1, comments: 1, missing: [] })
  })

  test('do not keep anything from being backed up, whatever the server answers', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.addIssue(jobs[0], 'bob', 0, [1, 1])
    world.annotate(1)
    stack.simulator.faults.add({ route: '/api/issues', fault: { kind: 'answer', answer: badGatewayPage() } })
    const text = expect.stringMatching(/^before a restore.*; stages, assignees and issues could not be noted, .*502/)
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, notes: [{ text }] })
    expect(exports(stack)).toEqual(['project-1'])
    expect(stack.logs.lines.some(({ msg }) => String(msg).startsWith('issues cannot be listed'))).toBe(true)
  })
})

describe('at any size', () => {
  test('thousands of jobs, issues and comments come page by page', { timeout: 120_000 }, async () => {
    const world = emptyWorld()
    world.addProject({ name: 'large' })
    const task = world.addTask({ projectId: 1, name: 'many jobs', frames: 1_300, jobs: 1_300, bytesPerFrame: 10 })
    for (const job of task.jobIds) world.addIssue(job, 'admin', 0, [1, 1])
    const stack = await startStack(redis, { world })
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, notes: [] })
    const { end, rows } = await newest(stack)
    expect(end).toMatchObject({ jobs: 1_300, issues: 1_300, comments: 1_300 })
    expect(new Set(ofType(rows, 'comment').map(({ id }) => id)).size).toBe(1_300)
    expect(await stack.backUp()).toMatchObject({ skipped: 1, noted: 0 })
  })

  test('comments too long for one answer are asked for in smaller pages', { timeout: 120_000 }, async () => {
    const world = smallWorld()
    const issue = world.addIssue(world.task(1).jobIds[0]!, 'admin', 0, [1, 1], '\0 \u202E and '.repeat(30))
    for (let i = 0; i < 240; i++) world.addComment(issue.id, `${i} ${'é'.repeat(150_000)}`)
    const stack = await startStack(redis, { world })
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, notes: [] })
    const { end, rows } = await newest(stack)
    expect(end.comments).toBe(241)
    const texts = ofType(rows, 'comment').map((row) => (row.type === 'comment' ? row.text.length : 0))
    expect(texts[0]).toBe(240)
    expect(texts.at(-1)).toBe(150_004)
  })

  test('a server without issues is asked nothing more than before', async () => {
    const world = emptyWorld()
    seedBulk(world, { projects: 60, tasks: 20, tasksPerProject: 1, frames: 1 })
    const stack = await startStack(redis, { world, parallelExports: 16, parallelDownloads: 8 })
    const runId = await stack.request()
    expect(await stack.ended(runId, 120_000)).toMatchObject({ ok: true, done: 80 })
    const before = stack.simulator.stats.requestCount()
    expect(await stack.backUp()).toMatchObject({ ok: true, skipped: 80, noted: 0 })
    // A page of projects with their tasks and jobs, one of loose tasks, folders looked for, and what every run begins with.
    expect(stack.simulator.stats.requestCount() - before).toBeLessThanOrEqual(12)
    expect(stack.simulator.stats.requestCount('GET /api/issues')).toBe(0)
  })
})

describe('whatever is killed', () => {
  test('a handler that broke off between sidecar and archive finds the sidecar, one that lost it takes another', async () => {
    const downloader = await openDownloader(redis)
    const payload = await downloader.finishExport()
    const list = async () => (await downloader.store.workflows.list(project1)).workflows
    const dying = {
      ...downloader.store,
      commitArchive: () => Promise.reject(Object.assign(new Error('killed'), { code: 'killed' })),
    }
    await expect(downloader.handle(payload, { deps: { store: dying } })).rejects.toThrow('killed')
    const [first] = await list()
    expect(first).toBeDefined()
    expect((await downloader.store.listRecords(project1)).archives).toEqual([])
    await downloader.handle(payload)
    expect(await list()).toEqual([first])

    await rm(first!.path)
    await downloader.handle(payload)
    expect(await list()).toHaveLength(1)
    expect((await downloader.outcomes()).map(({ result, reason }) => [result, reason])).toEqual([
      ['done', undefined],
      ['done', undefined],
    ])
  })

  test('a sidecar of an earlier export of the same backup is not taken for that of the new one', async () => {
    const downloader = await openDownloader(redis)
    await downloader.handle(await downloader.finishExport())
    const again = await downloader.finishExport()
    await downloader.handle(again)
    const newest = await downloader.store.workflows.newest(project1, downloader.simulator.url)
    expect(Date.parse(newest!.head.takenAt)).toBeGreaterThanOrEqual(Date.parse(again.askedAt))
  })

  test('two runs at once note one sidecar, and both count it', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.setJobState(jobs[0], 'completed')
    await stack.stop('downloader')
    const runs = [await stack.request(), await stack.request()]
    for (const runId of runs) {
      await waitFor('the run to wait', async () => (await stack.ledger.read(runId))?.state === 'waiting')
    }
    await stack.start('downloader')
    for (const runId of runs) expect(await stack.ended(runId)).toMatchObject({ ok: true, total: 1, noted: 1 })
    expect((await stack.store.workflows.list(project1)).workflows).toHaveLength(2)
  })

  test('a backup does not wait for a sidecar that is under way, nor count as done with it', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.setJobState(jobs[0], 'completed')
    await stack.stop('downloader')
    const first = await stack.request()
    await waitFor('the sidecar to be planned', async () => (await stack.ledger.read(first))?.state === 'waiting')
    world.annotate(1)
    const second = await stack.request()
    await waitFor('the export', async () => (await stack.queues.downloads.bull.getWaitingCount()) === 1)
    await stack.start('downloader')
    expect(await stack.ended(first)).toMatchObject({ ok: true, done: 0, noted: 1 })
    expect(await stack.ended(second)).toMatchObject({ ok: true, done: 1, noted: 0 })
  })

  test('a job of it that fails for good is a failure with its name, and the next run tries again', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.setJobState(jobs[0], 'completed')
    await stack.stop('downloader')
    const runId = await stack.request()
    await waitFor('the sidecar to be planned', async () => (await stack.ledger.read(runId))?.state === 'waiting')
    const rule = stack.simulator.faults.add({
      route: '/api/projects/{id}',
      fault: { kind: 'answer', answer: denied() },
    })
    await stack.start('downloader')
    expect(await stack.ended(runId)).toMatchObject({
      ok: false,
      failed: 1,
      failures: [{ series: 'project-1.workflow', name: 'A', code: 'forbidden' }],
    })
    rule.remove()
    const [failed] = await stack.queues.workflows.bull.getFailed()
    await failed?.retry()
    await waitFor('the retry by hand to be counted', async () => (await stack.ledger.read(runId))?.noted === 1)
    expect(await stack.backUp()).toMatchObject({ ok: true, noted: 0, skipped: 1 })
  })

  test('and Redis emptied: the directory alone tells what was noted', async () => {
    const { stack, world, jobs } = await startBackedUp()
    world.setJobState(jobs[0], 'completed')
    expect(await stack.backUp()).toMatchObject({ noted: 1 })
    for (const name of ['scheduler', 'exporter', 'downloader', 'sweeper']) await stack.stop(name)
    await removeKeys(stack.connection)
    for (const name of ['scheduler', 'exporter', 'downloader', 'sweeper'] as const) await stack.start(name)
    expect(await stack.backUp()).toMatchObject({ noted: 0, skipped: 1 })
  })
})

test('sweeps after sidecars leave one with each archive', async () => {
  const { stack, world, jobs } = await startBackedUp()
  for (const state of ['in progress', 'completed', 'rejected'] as const) {
    world.setJobState(jobs[0], state)
    expect(await stack.backUp()).toMatchObject({ noted: 1 })
  }
  await waitFor('the sweeps', async () => (await stack.store.workflows.list(project1)).workflows.length === 2)
  expect(ofType((await newest(stack)).rows, 'job')).toContainEqual(expect.objectContaining({ state: 'rejected' }))
  expect((await stack.store.listRecords(project1)).unrecognised).toEqual([])
})
