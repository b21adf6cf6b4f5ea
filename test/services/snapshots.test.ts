// Projects backed up as snapshots, with all services: what is exported, what is stored, and that it is what CVAT itself would
// have exported at that moment.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { isGood, isSnapshot, isThin } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { startChance } from '../faults/seeded-random.ts'
import { listMembers, testWithUnzip, writeOut } from '../shared/composition/composed-files.ts'
import { findText, flipByte } from '../shared/store/damage.ts'
import { assembleOf } from '../shared/store/snapshot-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import type { World } from '../simulator/world.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { readExport } from '../support/simulated-export.ts'
import { emptyWorld } from '../support/small-world.ts'
import { type Stack, type StackOptions, startStack } from '../support/start-stack.ts'
import { waitFor } from '../support/wait-for.ts'
import { openRestoreFixture } from './restorer/restore-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const hourMs = 3600_000
/** `SNAPSHOT_NIGHTS=30 SNAPSHOT_STEPS=40` is the whole of it; each is a run of a second or some. */
const NIGHTS = Number(process.env.SNAPSHOT_NIGHTS ?? 6)
const STEPS = Number(process.env.SNAPSHOT_STEPS ?? 3)
const TASKS = 50
const KEPT = NIGHTS < 10 ? 2 : 7

const incremental = { strategy: 'incremental', minTasks: 1 } as const
const whole = { strategy: 'whole', minTasks: 1 } as const

/** Project A with three tasks and an empty one in between, project B with one. */
function buildWorld(): World {
  const world = emptyWorld()
  const a = world.addProject({ name: 'A' })
  const b = world.addProject({ name: 'B' })
  const add = (projectId: number, frames: number) =>
    world.addTask({ projectId, name: `${frames} frames`, frames, hasData: frames > 0, bytesPerFrame: 500, jobs: 2 })
  add(a.id, 2)
  add(a.id, 0)
  add(a.id, 3)
  add(a.id, 4)
  add(b.id, 5)
  return world
}

async function start(options: Partial<StackOptions> = {}) {
  const world = options.world ?? buildWorld()
  const stack = await startStack(redis, { world, incremental, ...options })
  return { stack, world }
}

function newExports(stack: Stack): string[] {
  return stack.simulator.stats.exports
    .splice(0)
    .map(({ entity }) => `${entity.type}-${entity.id}`)
    .sort()
}

/** Newest first. */
async function backupsOf(
  stack: Stack,
  id: number,
  type: 'project' | 'task' = 'project',
): Promise<readonly StoredArchive[]> {
  return (await stack.store.listRecords({ type, id })).archives
}

async function snapshotOf(stack: Stack, id: number): Promise<StoredArchive> {
  const [newest] = await backupsOf(stack, id)
  if (!newest || !isSnapshot(newest.record)) throw new Error(`the newest of project ${id} is no snapshot`)
  return newest
}

async function assembled(snapshot: StoredArchive): Promise<string> {
  const path = await writeOut(await assembleOf(snapshot))
  await testWithUnzip(path)
  return path
}

async function expectAsExported(stack: Stack, id: number): Promise<void> {
  const snapshot = await snapshotOf(stack, id)
  expect(snapshot.record.verification).toMatchObject({ level: 'fresh', problems: [] })
  expect(await stack.store.checkParts({ entity: snapshot.entity, parts: snapshot.record.snapshot!.parts })).toEqual([])
  const exported = await readExport(stack.simulator, { type: 'project', id })
  expect(await listMembers(await assembled(snapshot))).toEqual(await listMembers(exported))
}

describe('with CVAT_BACKUP_STRATEGY=incremental', () => {
  test('every task is exported once, then those that change; each snapshot is what CVAT would have exported', async () => {
    const { stack, world } = await start()
    expect(await stack.backUp()).toMatchObject({ ok: true, total: 6, done: 6, failed: 0 })
    expect(newExports(stack)).toEqual(['task-1', 'task-3', 'task-4', 'task-5'])
    await expectAsExported(stack, 1)
    await expectAsExported(stack, 2)
    expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, skipped: 2 })
    expect(newExports(stack)).toEqual([])

    const [first] = await backupsOf(stack, 1)
    world.annotate(3, 2)
    expect(await stack.backUp()).toMatchObject({ ok: true, total: 3, done: 2, skipped: 1 })
    expect(newExports(stack)).toEqual(['task-3'])
    await expectAsExported(stack, 1)
    // The one before is what it was.
    const before = await listMembers(await assembled(first!))
    expect(before).not.toEqual(await listMembers(await assembled(await snapshotOf(stack, 1))))
    expect(await backupsOf(stack, 3, 'task')).toHaveLength(2)
    expect(await backupsOf(stack, 1, 'task')).toHaveLength(1)
  })

  test('renames, labels, frames, moved, new and deleted tasks are followed, by exports of what they change alone', async () => {
    const { stack, world } = await start()
    expect(await stack.backUp()).toMatchObject({ ok: true })
    newExports(stack)
    world.renameProject(1, 'A, renamed')
    world.deleteFrame(4, 1)
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(stack)).toEqual(['task-4'])
    await expectAsExported(stack, 1)
    world.moveTask(3, 2)
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(stack)).toEqual(['task-3'])
    world.deleteTask(1)
    world.addTask({ projectId: 1, name: 'new', frames: 2, bytesPerFrame: 100 })
    world.addLabel({ type: 'project', id: 2 }, 'more')
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(stack)).toEqual(['task-3', 'task-5', 'task-6'])
    await expectAsExported(stack, 1)
    await expectAsExported(stack, 2)
  })

  test('small projects are backed up whole, and annotations and tasks by themselves as ever', async () => {
    const { stack } = await start({ incremental: { strategy: 'incremental', minTasks: 2 } })
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(stack)).toEqual(['project-2', 'task-1', 'task-3', 'task-4'])
    expect(isSnapshot((await backupsOf(stack, 2))[0]!.record)).toBe(false)
    expect(await stack.backUp({ mode: 'a' })).toMatchObject({ ok: true, done: 2 })
    newExports(stack)
    // What is there as parts need not be exported again; what no archive holds is noted for each.
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ ok: true, done: 1, noted: 3, empty: 1 })
    expect(newExports(stack)).toEqual(['task-5'])
  })

  test('a task that cannot be exported is a failure with its name, and the others are kept', async () => {
    const { stack, world } = await start()
    world.removeMedia(3)
    const summary = await stack.backUp()
    expect(summary).toMatchObject({ ok: false, failed: 2, done: 4 })
    expect(summary.failures.map(({ series, code }) => [series, code])).toEqual([
      ['project-1.backup', 'parts-failed'],
      ['task-3.backup', 'incomplete'],
    ])
    expect(summary.failures[0]?.reason).toMatch(
      /^1 of its tasks could not be backed up\. task 3: CVAT's archive is incomplete/,
    )
    const snapshot = await snapshotOf(stack, 1)
    expect(isGood(snapshot.record)).toBe(false)
    expect(snapshot.record.verification.problems).toMatchObject([{ code: 'missing-task', taskId: 3 }])
    expect(snapshot.record.snapshot?.parts.map(({ taskId }) => taskId)).toEqual([1, 4])

    world.restoreMedia(3)
    world.annotate(3, 1)
    newExports(stack)
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(stack)).toEqual(['task-3'])
    await expectAsExported(stack, 1)

    world.removeMedia(4)
    world.annotate(4, 1)
    expect(await stack.backUp()).toMatchObject({ ok: false, failed: 2 })
    const stale = await snapshotOf(stack, 1)
    expect(stale.record.verification.problems).toMatchObject([{ code: 'stale', taskId: 4 }])
    expect(stale.record.snapshot?.parts.map(({ taskId }) => taskId)).toEqual([1, 3, 4])
  })

  test('a task that changes while others are exported is taken again, or told of where it may drift', async () => {
    for (const driftMs of [0, 3600_000]) {
      const { stack, world } = await start({
        incremental: { ...incremental, driftMs },
        parallelExports: 1,
        capacity: { exportMs: 500 },
      })
      const runId = await stack.request({ entities: [{ type: 'project', id: 1 }] })
      await waitFor('the first task to be stored', async () => (await backupsOf(stack, 1, 'task')).length > 0)
      world.annotate(1, 1)
      const summary = await stack.ended(runId)
      expect(summary).toMatchObject({ ok: true, failed: 0 })
      const drifted = (await snapshotOf(stack, 1)).record.snapshot!.parts.filter(({ isDrifted }) => isDrifted)
      if (driftMs === 0) {
        expect(drifted).toEqual([])
        expect(await backupsOf(stack, 1, 'task')).toHaveLength(2)
        await expectAsExported(stack, 1)
      } else {
        expect(drifted.map(({ taskId }) => taskId)).toEqual([1])
        expect(summary.notes.map(({ text }) => text)).toContainEqual(expect.stringContaining('task 1 changed again'))
        // The next run takes the change, though the dates of the whole are as they were.
        newExports(stack)
        expect(await stack.backUp({ entities: [{ type: 'project', id: 1 }] })).toMatchObject({ ok: true })
        expect(newExports(stack)).toEqual(['task-1'])
        await expectAsExported(stack, 1)
      }
    }
  })

  test('a failed snapshot that is retried after its task was takes it in', async () => {
    const { stack, world } = await start()
    world.removeMedia(3)
    expect(await stack.backUp()).toMatchObject({ ok: false, failed: 2 })
    world.restoreMedia(3)
    world.annotate(3, 1)
    const retry = async (queue: 'downloads' | 'snapshots') => {
      const [job] = await stack.queues[queue].bull.getFailed()
      await job!.retry()
    }
    await retry('downloads')
    await waitFor('the task to be there', async () => {
      const { archives } = await stack.store.listRecords({ type: 'task', id: 3 })
      return archives.some(({ record }) => isGood(record))
    })
    await retry('snapshots')
    await waitFor('the snapshot to be good', async () => isGood((await snapshotOf(stack, 1)).record))
    await expectAsExported(stack, 1)
  })
})

describe('with CVAT_BACKUP_MEDIA_ONCE', () => {
  const options = { incremental: { ...incremental, mediaOnce: true } }

  test('a task that has changed is stored without its media, and each snapshot is what CVAT would have exported', async () => {
    const { stack, world } = await start(options)
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 6, failed: 0 })
    const [first] = await backupsOf(stack, 1)
    const before = await listMembers(await assembled(first!))
    world.annotate(3, 2)
    expect(await stack.backUp()).toMatchObject({ ok: true, done: 2, failed: 0 })
    world.deleteFrame(3, 1)
    world.renameTask(4, 'another name')
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    await expectAsExported(stack, 1)
    const [third, second, whole] = await backupsOf(stack, 3, 'task')
    expect(isThin(whole!.record)).toBe(false)
    for (const { record } of [second!, third!]) {
      expect(record.mediaFrom?.fileName).toBe(whole!.record.archive.fileName)
      expect(record.archive.sizeBytes).toBeLessThan(whole!.record.archive.sizeBytes)
      expect(record.verification).toMatchObject({ level: 'fresh', problems: [] })
    }
    expect(await readdir(join(stack.store.directory, '.cvat-backups/partial'))).toEqual([])
    expect(await listMembers(await assembled(first!))).toEqual(before)

    const { restore, target } = await openRestoreFixture({}, { store: stack.store })
    for (const archive of [third!, await snapshotOf(stack, 1)]) {
      expect(await restore(archive)).toMatchObject({ differences: [] })
    }
    expect(target.world.project(1).taskIds).toHaveLength(3)
    // The bytes that are uploaded are checked wherever they are.
    await flipByte(whole!.archivePath, await findText(whole!.archivePath, 'data/'))
    await expect(restore(third!, { restoreId: 'later' })).rejects.toMatchObject({ code: 'bit-rot' })
  })

  test('small projects, tasks that are backed up by themselves, and what is taken apart stay as they are', async () => {
    const { stack, world } = await start({ incremental: { ...options.incremental, minTasks: 2 } })
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ ok: true })
    expect(await stack.backUp()).toMatchObject({ ok: true })
    world.annotate(1, 1)
    world.annotate(5, 1)
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ ok: true, failed: 0 })
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect((await stack.archives()).filter(({ record }) => isThin(record))).toEqual([])
  })
})

describe.each([{ mediaOnce: false }, { mediaOnce: true }])(
  'a history of changes, media once: $mediaOnce,',
  ({ mediaOnce }) => {
    test('whatever people do, and whatever service dies meanwhile, each snapshot is what CVAT would have exported', async () => {
      const chance = startChance('history of snapshots')
      const { stack, world } = await start({ capacity: { exportMs: 150 }, incremental: { ...incremental, mediaOnce } })
      const tasksOf = (id: number) => world.project(id).taskIds.filter((task) => world.task(task).data !== null)
      const changes: (() => void)[] = [
        () => world.annotate(chance.pick(tasksOf(1)), chance.between(1, 3)),
        () => world.annotate(chance.pick(tasksOf(2)), 1),
        () => world.deleteFrame(chance.pick(tasksOf(1)), 0),
        () => world.renameTask(chance.pick(tasksOf(1)), `renamed ${chance.between(1, 99)}`),
        () => world.renameProject(1, `A ${chance.between(1, 99)}`),
        () => world.moveTask(chance.pick(tasksOf(1)), 2),
        () => void world.addTask({ projectId: 1, name: 'new', frames: 2, bytesPerFrame: 300 }),
        () => void world.addLabel({ type: 'project', id: chance.between(1, 2) }, `label ${chance.between(1, 999)}`),
        () => void world.setGuide({ type: 'project', id: 1 }, `# Guide ${chance.between(1, 99)}`),
        () => world.setJobState(chance.pick(world.task(chance.pick(tasksOf(1))).jobIds), 'in progress'),
      ]
      const kept: { snapshot: StoredArchive; members: Awaited<ReturnType<typeof listMembers>> }[] = []
      for (let step = 0; step < STEPS; step++) {
        for (let i = chance.between(1, 3); i > 0; i--) {
          if (tasksOf(1).length < 2) world.addTask({ projectId: 1, name: 'more', frames: 3, bytesPerFrame: 300 })
          chance.pick(changes)()
        }
        const runId = await stack.request()
        const service = chance.pick(['scheduler', 'exporter', 'downloader'] as const)
        await waitFor('something to be exported', async () => stack.simulator.stats.exports.length > 0 || step > 0)
        await stack.stop(service)
        await stack.start(service)
        expect(await stack.ended(runId)).toMatchObject({ failed: 0 })
        for (const id of [1, 2]) {
          const snapshot = await snapshotOf(stack, id)
          const members = await listMembers(await assembled(snapshot))
          expect(members).toEqual(await listMembers(await readExport(stack.simulator, { type: 'project', id })))
          kept.push({ snapshot, members })
        }
      }
      for (const { snapshot, members } of kept) expect(await listMembers(await assembled(snapshot))).toEqual(members)
    })

    test('many nights with a change each cost little more than one backup, and what retention keeps is whole', async () => {
      const world = emptyWorld()
      world.addProject({ name: 'A' })
      for (let i = 0; i < TASKS; i++)
        world.addTask({ projectId: 1, name: `task ${i}`, frames: 1, bytesPerFrame: 3_000 })
      const { stack } = await start({
        world,
        rules: { ttlMs: 365 * 24 * hourMs, minBackups: 3 },
        incremental: { ...incremental, mediaOnce },
      })
      const sizes: number[] = []
      for (let day = 0; day < NIGHTS; day++) {
        if (day > 0) world.annotate(((day * 7) % TASKS) + 1, 1)
        expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
        sizes.push((await stack.archives()).reduce((sum, { record }) => sum + record.archive.sizeBytes, 0))
      }
      expect(newExports(stack)).toHaveLength(TASKS + NIGHTS - 1)
      expect(sizes.at(-1)! / sizes[0]!).toBeLessThan(mediaOnce ? 1.3 : 1.7)
      const inAWeek = new Date(Date.now() + 7 * 24 * hourMs)
      const options = { rules: { ttlMs: 0, minBackups: KEPT }, now: inAWeek, dryRun: false, isIncremental: true }
      const signal = new AbortController().signal
      await sweepAll(stack.store, { ...options, isActive: () => false, signal })
      const snapshots = await backupsOf(stack, 1)
      expect(snapshots).toHaveLength(KEPT)
      for (const snapshot of snapshots) await assembled(snapshot)
      const named = new Set(
        snapshots.flatMap(({ record }) =>
          record.snapshot!.parts.flatMap(({ archive, mediaFrom }) => [
            archive.fileName,
            ...(mediaFrom ? [mediaFrom.fileName] : []),
          ]),
        ),
      )
      const tasks = (await stack.archives()).filter(({ entity }) => entity.type === 'task')
      expect(new Set(tasks.map(({ record }) => record.archive.fileName))).toEqual(named)
    })
  },
)

describe('changing the strategy', () => {
  test('from whole to incremental exports only what has changed: the rest is taken out of what is there', async () => {
    const directory = await makeTemporaryFolder()
    const { stack: before, world } = await start({ directory, incremental: whole })
    expect(await before.backUp()).toMatchObject({ ok: true, done: 2 })
    newExports(before)
    world.annotate(3, 1)
    const after = await startStack(redis, { simulator: before.simulator, directory, incremental })
    expect(await after.backUp()).toMatchObject({ ok: true, failed: 0 })
    expect(newExports(after)).toEqual(['task-3'])
    await expectAsExported(after, 1)
    const [part] = await backupsOf(after, 1, 'task')
    const [, taken] = await backupsOf(after, 1)
    expect(part!.record.origin).toMatchObject({ part: true, takenFrom: taken!.record.archive.fileName })
    expect(part!.record.createdAt).toBe(taken!.record.createdAt)
    expect(part!.archivePath).toContain('task-1')
  })

  test('from incremental to whole needs no export of what has not changed', async () => {
    const directory = await makeTemporaryFolder()
    const { stack: before, world } = await start({ directory })
    expect(await before.backUp()).toMatchObject({ ok: true })
    newExports(before)
    const after = await startStack(redis, { simulator: before.simulator, directory, incremental: whole })
    expect(await after.backUp()).toMatchObject({ ok: true, skipped: 2, done: 0 })
    world.annotate(3, 1)
    expect(await after.backUp()).toMatchObject({ ok: true, skipped: 1, done: 1 })
    expect(newExports(after)).toEqual(['project-1'])
    expect((await backupsOf(after, 1)).map(({ record }) => record.type)).toEqual(['archive', 'snapshot'])
  })
})
