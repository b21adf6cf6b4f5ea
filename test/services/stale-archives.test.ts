// Two faults of CVAT that a backup must not inherit, from the first listing to the second run, with all services.

import { expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { badGatewayPage } from '../simulator/answers.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

/** Project A with three tasks of different sizes and an empty project B, backed up once: CVAT keeps the file. */
async function startBackedUp() {
  const world = emptyWorld()
  const a = world.addProject({ name: 'A' })
  const b = world.addProject({ name: 'B' })
  const tasks = [2, 3, 4].map((frames) =>
    world.addTask({ projectId: a.id, name: `${frames} frames`, frames, bytesPerFrame: 500, jobs: 2 }),
  )
  const stack = await startStack(redis, { world })
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 2, notes: [] })
  for (const { record } of await stack.archives()) expect(record.verification.level).toBe('fresh')
  stack.simulator.stats.exports.length = 0
  return { stack, world, a, b, tasks: tasks as [(typeof tasks)[0], (typeof tasks)[0], (typeof tasks)[0]] }
}

/** The newest archive's verification, for each entity that has more than one or is new. */
async function newest(stack: Stack, entity: string) {
  const own = (await stack.archives()).filter(({ entity: { type, id } }) => `${type}-${id}` === entity)
  const record = own.toSorted((x, y) => Date.parse(y.record.createdAt) - Date.parse(x.record.createdAt))[0]?.record
  if (!record) throw new Error(`no archive of ${entity}`)
  const { level, problems } = record.verification
  return { level, good: isGood(record), problems: problems.map(({ code, message, taskId }) => [code, taskId, message]) }
}

const exported = (stack: Stack) => stack.simulator.stats.exports.map(({ entity }) => `${entity.type}-${entity.id}`)

async function expectNothingToDo(stack: Stack): Promise<void> {
  stack.simulator.stats.exports.length = 0
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, skipped: 2, done: 0, failed: 0 })
  expect(exported(stack)).toEqual([])
}

test('after a frame was deleted the old file is kept and marked, and the task is backed up by itself', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  expect(await stack.backUp()).toMatchObject({
    ok: true,
    total: 3,
    done: 2,
    skipped: 1,
    notes: [{ series: 'project-1.backup', name: 'A', text: 'CVAT served an old file; task 2 is backed up by itself' }],
  })
  expect(exported(stack)).toEqual(['project-1', 'task-2'])
  expect(await newest(stack, 'project-1')).toEqual({
    level: 'complete',
    good: false,
    problems: [['stale', 2, 'Task 2 is in an old state: deleted frames none in the archive, 2 on the server']],
  })
  expect(await newest(stack, 'task-2')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
})

test('a restored frame is noticed as well as a deleted one', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[0].id, 1)
  world.renameProject(1, 'A, once more')
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, notes: [] })
  world.restoreFrame(tasks[0].id, 1)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 2 })
  expect((await newest(stack, 'project-1')).problems).toEqual([
    ['stale', 1, 'Task 1 is in an old state: deleted frames 1 in the archive, none on the server'],
  ])
  expect((await newest(stack, 'task-1')).good).toBe(true)
  await expectNothingToDo(stack)
})

test('a job stage that changes the status of its task makes it old in the file', async () => {
  const { stack, world, tasks } = await startBackedUp()
  for (const job of tasks[2].jobIds) world.setJobStage(job, 'acceptance')
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 2 })
  expect((await newest(stack, 'project-1')).problems).toEqual([
    ['stale', 3, 'Task 3 is in an old state: status annotation in the archive, completed on the server'],
  ])
  expect((await newest(stack, 'task-3')).good).toBe(true)
  await expectNothingToDo(stack)
})

test('of a project that a task has left, the file still holds the task: nothing is missing, and no task is exported', async () => {
  const { stack, world, b, tasks } = await startBackedUp()
  world.moveTask(tasks[0].id, b.id)
  const text = 'CVAT served an old file; it holds a task that has left the project, and all that are in it'
  expect(await stack.backUp()).toMatchObject({
    ok: true,
    total: 2,
    done: 2,
    notes: [{ series: 'project-1.backup', text }],
  })
  expect(exported(stack)).toEqual(['project-1', 'project-2'])
  expect(await newest(stack, 'project-1')).toEqual({
    level: 'complete',
    good: false,
    problems: [['stale', undefined, 'task_0 "2 frames" is in the archive although it has left the project']],
  })
  expect(await newest(stack, 'project-2')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
})

test('where a task has left and another changed, the changed one is found in its new place', async () => {
  const { stack, world, b, tasks } = await startBackedUp()
  world.moveTask(tasks[0].id, b.id)
  world.deleteFrame(tasks[2].id, 0)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 3 })
  expect((await newest(stack, 'project-1')).problems).toEqual([
    ['stale', 3, 'Task 3 is in an old state: deleted frames none in the archive, 0 on the server'],
    ['stale', undefined, 'task_0 "2 frames" is in the archive although it has left the project'],
  ])
  expect((await newest(stack, 'task-3')).good).toBe(true)
})

test('a ground truth job that was added, which moves no date, is missed in the file', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.addGroundTruthJob(tasks[1].id, [0])
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 2 })
  expect((await newest(stack, 'project-1')).problems).toEqual([
    ['stale', 2, 'Task 2 is in an old state: ground truth jobs 0 in the archive, 1 on the server'],
  ])
  expect((await newest(stack, 'task-2')).good).toBe(true)
  await expectNothingToDo(stack)
})

test('where the own backup of a task is old too, the run fails and says what helps; which it does', async () => {
  const { stack, world, tasks } = await startBackedUp()
  await stack.backUp({ mode: 't' })
  world.addGroundTruthJob(tasks[1].id, [0])
  const summary = await stack.backUp()
  expect(summary).toMatchObject({
    ok: false,
    total: 3,
    done: 1,
    failed: 1,
    failures: [
      {
        series: 'task-2.backup',
        code: 'stale',
        reason: expect.stringContaining('ground truth jobs 0 in the archive, 1 on the server'),
        hint: expect.stringContaining('change anything in it, e.g. its name, then back up again'),
      },
    ],
  })
  expect((await newest(stack, 'task-2')).good).toBe(false)
  stack.simulator.stats.exports.length = 0
  expect(await stack.backUp()).toMatchObject({ ok: false, total: 3, skipped: 2, failed: 1 })
  expect(exported(stack), 'the project is not exported again in vain').toEqual(['task-2'])

  world.renameTask(tasks[1].id, 'touched')
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1, skipped: 1, notes: [] })
  expect(await newest(stack, 'project-1')).toEqual({ level: 'fresh', good: true, problems: [] })
})

test.each<[string, (world: Stack['world'], task: number, label: number, job: number) => void]>([
  ['a label was renamed', (world, _task, label) => void world.changeLabel(label, { name: 'lorry' })],
  ['something was annotated', (world, task) => world.annotate(task)],
  ['a job was given to somebody', (world, _task, _label, job) => world.assignJob(job, 'admin')],
])('when %s the archive is fresh', async (_, change) => {
  const { stack, world, a, tasks } = await startBackedUp()
  change(world, tasks[1].id, a.labelIds[0]!, tasks[1].jobIds[0]!)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, done: 1, skipped: 1, notes: [] })
  expect(await newest(stack, 'project-1')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
})

test('a job that changed its state is in no archive: nothing is exported', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.setJobState(tasks[1].jobIds[0]!, 'in progress')
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, done: 0, noted: 1, skipped: 1, notes: [] })
  await expectNothingToDo(stack)
})

test('the server is asked about tasks only where they can be old', async () => {
  const { stack, world, tasks } = await startBackedUp()
  const asked = () => stack.simulator.stats.requestCount('GET /api/tasks/{id}/data/meta')
  world.annotate(tasks[0].id)
  await stack.backUp({ full: true })
  expect(asked()).toBe(0)
  world.deleteFrame(tasks[0].id, 0)
  await stack.backUp()
  expect(asked()).toBe(1)
})

test('an own archive that is gone brings the task back, not the project', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  await stack.backUp()
  for (const archive of await stack.archives()) {
    if (archive.entity.type === 'task') await stack.store.removeArchive(archive)
  }
  stack.simulator.stats.exports.length = 0
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 1, skipped: 2 })
  expect(exported(stack)).toEqual(['task-2'])
  await expectNothingToDo(stack)
})

test('every run that waits for the project waits for its tasks', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  stack.simulator.exports.pause()
  const runs = [await stack.request(), await stack.request()]
  await waitFor('both runs to wait for the project', async () => {
    const pending = await Promise.all(runs.map((runId) => stack.ledger.countPending(runId)))
    const accounts = await Promise.all(runs.map((runId) => stack.ledger.read(runId)))
    return pending.every((count) => count === 1) && accounts.every((account) => account?.state === 'waiting')
  })
  stack.simulator.exports.resume()
  for (const runId of runs) {
    expect(await stack.ended(runId)).toMatchObject({ ok: true, total: 3, done: 2, skipped: 1, notes: [{}] })
  }
  expect(exported(stack)).toEqual(['project-1', 'task-2'])
})

test('media that the server has lost make a failure that names the task, until the date of the project moves', async () => {
  const { stack, world, a, tasks } = await startBackedUp()
  world.removeMedia(tasks[0].id)
  world.annotate(tasks[1].id)
  const failure = {
    series: 'project-1.backup',
    code: 'incomplete',
    reason: expect.stringContaining('Task 1 (task_0) has 2 frames but no media'),
    hint: expect.stringContaining('until its date moves, CVAT serves the incomplete file'),
  }
  expect(await stack.backUp()).toMatchObject({ ok: false, failed: 1, failures: [failure] })
  expect(await newest(stack, 'project-1')).toMatchObject({ level: 'sound', good: false })
  world.restoreMedia(tasks[0].id)
  expect(await stack.backUp(), 'CVAT keeps the incomplete file').toMatchObject({ ok: false, failures: [failure] })
  world.renameProject(a.id, 'A, touched')
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1 })
  expect(await newest(stack, 'project-1')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
})

test('handlers that run twice neither export nor count anything twice', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  await stack.stop('downloader')
  const runId = await stack.request()
  const [job] = await waitFor('the download to be asked for', async () => {
    const account = await stack.ledger.read(runId)
    const waiting = await stack.queues.downloads.bull.getJobs(['waiting'])
    return account?.state === 'waiting' && waiting.length > 0 ? waiting : undefined
  })
  await stack.stop('scheduler')
  await stack.start('downloader')
  const [outcome] = await waitFor('its outcome', async () => {
    const waiting = await stack.queues.outcomes.bull.getJobs(['waiting'])
    return waiting.length > 0 ? waiting : undefined
  })
  await waitFor('the download to be over', async () => (await job?.getState()) === 'completed')
  await stack.queues.downloads.add({ name: 'again', jobId: 'again', payload: job?.data })
  await stack.queues.outcomes.add({ name: 'again', payload: outcome?.data })
  await waitFor('three outcomes', async () => (await stack.queues.outcomes.bull.getWaitingCount()) === 3)
  const told = await stack.queues.outcomes.bull.getJobs(['waiting'])
  for (const { data } of told) expect(data).toEqual(outcome?.data)
  await stack.start('scheduler')
  expect(await stack.ended(runId)).toMatchObject({ ok: true, total: 3, done: 2, skipped: 1, notes: [{}] })
  expect(exported(stack)).toEqual(['project-1', 'task-2'])
})

test('the file is not fetched again where only the question how old it is had no answer', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  const download = 'GET /api/projects/{id}/backup/download'
  const before = stack.simulator.stats.requestCount(download, 200)
  const route = '/api/tasks/{id}/data/meta'
  stack.simulator.faults.add({ route, times: 3, fault: { kind: 'answer', answer: badGatewayPage() } })
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 2 })
  expect(stack.simulator.stats.requestCount(download, 200)).toBe(before + 1)
})

test('a task that is deleted or made while CVAT makes the archive is no fault of the archive', async () => {
  const { stack, world, a, tasks } = await startBackedUp()
  const backUpWhile = async (change: () => void) => {
    world.annotate(tasks[1].id)
    const route = '/api/projects/{id}/backup/export'
    stack.simulator.faults.add({ route, times: 1, fault: { kind: 'run', action: change } })
    expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, done: 1, failed: 0, notes: [] })
  }
  await backUpWhile(() => world.deleteTask(tasks[0].id))
  expect(exported(stack), 'exported anew').toEqual(['project-1', 'project-1'])
  expect(await newest(stack, 'project-1')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
  await backUpWhile(() => void world.addTask({ projectId: a.id, name: 'late', frames: 5, bytesPerFrame: 500 }))
  expect(await newest(stack, 'project-1')).toMatchObject({ good: true })
  expect(await stack.backUp(), 'the next run takes what came').toMatchObject({ ok: true, done: 1, skipped: 1 })
})
