// Projects backed up as snapshots, with all services: what is exported, what is stored, and that it is what CVAT itself would
// have exported at that moment.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { openStore } from '#shared/store/open-store.ts'
import { isGood, isSnapshot, isThin } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { startChance } from '../faults/seeded-random.ts'
import { listMembers, testWithUnzip, writeOut } from '../shared/composition/composed-files.ts'
import { findText, flipByte } from '../shared/store/damage.ts'
import { interfere, systemError } from '../shared/store/interfere.ts'
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
/**
 * `SNAPSHOT_NIGHTS=30 SNAPSHOT_STEPS=40` is the whole of it; each is a run of a second or some. `SNAPSHOT_TASKS=200
 * SNAPSHOT_FRAME_BYTES=1000000` makes the project larger.
 */
const NIGHTS = Number(process.env.SNAPSHOT_NIGHTS ?? 6)
const STEPS = Number(process.env.SNAPSHOT_STEPS ?? 3)
const TASKS = Number(process.env.SNAPSHOT_TASKS ?? 50)
const KEPT = NIGHTS < 10 ? 2 : 7

const incremental = { strategy: 'incremental', minTasks: 1 } as const
const whole = { strategy: 'whole', minTasks: 1 } as const

/** 2 % a night. */
const CHANGED = Math.max(1, Math.round(TASKS * 0.02))
const FRAME_BYTES = Number(process.env.SNAPSHOT_FRAME_BYTES ?? 3_000)

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

/** The last one, which stays the last: CVAT's archives have changed labels at their end, and the API does not tell. */
function renameLabel(world: World, name = 'lorry'): void {
  world.changeLabel(world.project(1).labelIds.at(-1)!, { name })
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
    const summary = await stack.backUp()
    expect(summary).toMatchObject({ ok: true, total: 6, done: 6, failed: 0 })
    const told = (await stack.ledger.events(summary.runId, '0')).find(({ series }) => series === 'project-1.backup')
    expect(told?.reason).toMatch(/^a snapshot of 3 tasks, [\d.]+ kB together; before a restore/)
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

  test('labels that change while tasks are exported are those of all of them in the end, however young their archives', async () => {
    const { stack, world } = await start({
      incremental: { ...incremental, driftMs: hourMs },
      parallelExports: 1,
      capacity: { exportMs: 500 },
    })
    const runId = await stack.request({ entities: [{ type: 'project', id: 1 }] })
    await waitFor('the first task to be stored', async () => (await backupsOf(stack, 4, 'task')).length > 0)
    renameLabel(world)
    expect(await stack.ended(runId)).toMatchObject({ ok: true, failed: 0 })
    await expectAsExported(stack, 1)
  })

  test('labels that change between the last look and the project part let it look again', async () => {
    const { stack, world } = await start()
    let isStored = false
    stack.simulator.faults.add({
      path: /^\/api\/projects\/1$/,
      // Observed, as the first call for the project's own row is for; the next ones are for its project part.
      nth: 3,
      where: () => isStored,
      fault: { kind: 'run', action: () => renameLabel(world) },
    })
    // All tasks are there, so that the snapshot is made at its first look.
    expect(await stack.backUp({ mode: 't' })).toMatchObject({ ok: true })
    isStored = true
    expect(await stack.backUp({ entities: [{ type: 'project', id: 1 }] })).toMatchObject({ ok: true, failed: 0 })
    expect(world.labels.get(world.project(1).labelIds.at(-1)!)?.name).toBe('lorry')
    await expectAsExported(stack, 1)
  })

  test('a task that moves to another project in the middle of a run fails neither of them', async () => {
    const { stack, world } = await start({
      incremental: { ...incremental, driftMs: hourMs },
      parallelExports: 1,
      capacity: { exportMs: 300 },
    })
    const runId = await stack.request()
    await waitFor('the task to be stored', async () => (await backupsOf(stack, 3, 'task')).length > 0)
    world.moveTask(3, 2)
    expect(await stack.ended(runId)).toMatchObject({ ok: true, failed: 0 })
    expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
    await expectAsExported(stack, 1)
    await expectAsExported(stack, 2)
  })

  test('an old archive that is read again meanwhile is not taken for one of now', async () => {
    const { stack, world } = await start()
    expect(await stack.backUp()).toMatchObject({ ok: true })
    world.removeMedia(4)
    world.annotate(4, 1)
    newExports(stack)
    stack.simulator.capacity.exportMs = 1_000
    const runId = await stack.request()
    await waitFor('its export to be asked for', () => stack.simulator.stats.exports.length > 0)
    const signal = new AbortController().signal
    const pass = { level: 'whole', checkedBefore: new Date(), startedAt: new Date(), signal } as const
    for await (const _ of stack.store.verifyArchives({ ...pass, entities: [{ type: 'task', id: 4 }] }));
    expect(await stack.ended(runId)).toMatchObject({ ok: false, failed: 2 })
    const { verification, snapshot } = (await snapshotOf(stack, 1)).record
    expect(verification.problems).toMatchObject([{ code: 'stale', taskId: 4 }])
    expect(snapshot?.parts.filter(({ isDrifted }) => isDrifted)).toEqual([])
  })

  test('a task that is deleted while it is exported is named, and the snapshot is good without it', async () => {
    const { stack, world } = await start({ parallelExports: 1, capacity: { exportMs: 300 } })
    const runId = await stack.request({ entities: [{ type: 'project', id: 1 }] })
    await waitFor('the first task to be stored', async () => (await backupsOf(stack, 4, 'task')).length > 0)
    world.deleteTask(1)
    const { failures } = await stack.ended(runId)
    expect(failures.map(({ series }) => series)).toEqual(['task-1.backup'])
    await expectAsExported(stack, 1)
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
    test('whatever people do, before and meanwhile, and whatever dies, each snapshot is what CVAT would have exported', {
      timeout: 120_000 + STEPS * 30_000,
    }, async () => {
      const chance = startChance('history of snapshots')
      const { stack, world } = await start({ capacity: { exportMs: 150 }, incremental: { ...incremental, mediaOnce } })
      const tasksOf = (id: number) => world.project(id).taskIds.filter((task) => world.task(task).data !== null)
      const changes: (() => void)[] = [
        () => world.annotate(chance.pick(tasksOf(1)), chance.between(1, 3)),
        () => world.annotate(chance.pick(tasksOf(2)), 1),
        () => world.deleteFrame(chance.pick(tasksOf(1)), 0),
        () => world.restoreFrame(chance.pick(tasksOf(1)), 0),
        () => world.renameTask(chance.pick(tasksOf(1)), `renamed ${chance.between(1, 99)}`),
        () => world.renameProject(1, `A ${chance.between(1, 99)}`),
        () => world.moveTask(chance.pick(tasksOf(1)), 2),
        () => void world.addTask({ projectId: 1, name: 'new', frames: 2, bytesPerFrame: 300 }),
        () => void world.addLabel({ type: 'project', id: chance.between(1, 2) }, `label ${chance.between(1, 999)}`),
        () => void world.setGuide({ type: 'project', id: 1 }, `# Guide ${chance.between(1, 99)}`),
        () => renameLabel(world, `named ${chance.between(1, 999)}`),
        () => world.setJobState(chance.pick(world.task(chance.pick(tasksOf(1))).jobIds), 'in progress'),
      ]
      // Meanwhile it would be a failure with its name.
      const deletion = () => world.deleteTask(chance.pick(tasksOf(1)))
      const exported = async (id: number) => listMembers(await readExport(stack.simulator, { type: 'project', id }))
      const kept: { snapshot: StoredArchive; members: Awaited<ReturnType<typeof listMembers>> }[] = []
      for (let step = 0; step < STEPS; step++) {
        for (let i = chance.between(1, 3); i > 0; i--) {
          if (tasksOf(1).length < 2) world.addTask({ projectId: 1, name: 'more', frames: 3, bytesPerFrame: 300 })
          chance.pick([...changes, deletion])()
        }
        if (tasksOf(1).length < 2) world.addTask({ projectId: 1, name: 'more', frames: 3, bytesPerFrame: 300 })
        const before = [await exported(1), await exported(2)]
        const isChangedMeanwhile = step > 0 && chance.next() < 0.5
        const runId = await stack.request()
        const service = chance.pick(['scheduler', 'exporter', 'downloader'] as const)
        await waitFor('something to be exported', async () => stack.simulator.stats.exports.length > 0 || step > 0)
        if (isChangedMeanwhile) {
          await sleep(chance.between(0, 300))
          chance.pick(changes)()
        }
        await stack.stop(service)
        await stack.start(service)
        expect(await stack.ended(runId)).toMatchObject({ failed: 0 })
        for (const id of [1, 2]) {
          const snapshot = await snapshotOf(stack, id)
          const members = await listMembers(await assembled(snapshot))
          // One change: the snapshot is of before or after it, never of something in between.
          if (isChangedMeanwhile) expect([before[id - 1], await exported(id)]).toContainEqual(members)
          else expect(members).toEqual(await exported(id))
          kept.push({ snapshot, members })
        }
        if (isChangedMeanwhile) {
          expect(await stack.backUp()).toMatchObject({ failed: 0 })
          for (const id of [1, 2]) await expectAsExported(stack, id)
        }
        await sweepAndDie(stack, chance)
      }
      let left = 0
      for (const { snapshot, members } of kept) {
        const { archives } = await stack.store.listRecords(snapshot.entity)
        if (!archives.some(({ archivePath }) => archivePath === snapshot.archivePath)) continue
        left += 1
        expect(await listMembers(await assembled(snapshot))).toEqual(members)
      }
      expect(left).toBeGreaterThan(0)
    })

    /** Three days later, to three of each; every second sweep dies at some operation on files. */
    async function sweepAndDie(stack: Stack, chance: ReturnType<typeof startChance>): Promise<void> {
      let left = chance.next() < 0.5 ? chance.between(1, 300) : Number.POSITIVE_INFINITY
      const files = interfere(() => {
        left -= 1
        if (left < 0) throw systemError('EIO')
      })
      const options = { rules: { ttlMs: 0, minBackups: 3 }, dryRun: false, isIncremental: true, isActive: () => false }
      const now = new Date(Date.now() + 3 * 24 * hourMs)
      const { signal } = new AbortController()
      await sweepAll(openStore({ directory: stack.directory, files }), { ...options, now, signal }).catch(
        () => undefined,
      )
    }

    test('many nights with a change each cost little more than one backup, and what retention keeps is whole', {
      timeout: 120_000 + NIGHTS * 30_000,
    }, async () => {
      const world = emptyWorld()
      world.addProject({ name: 'A' })
      for (let i = 0; i < TASKS; i++)
        world.addTask({ projectId: 1, name: `task ${i}`, frames: 1, bytesPerFrame: FRAME_BYTES })
      const { stack } = await start({
        world,
        rules: { ttlMs: 365 * 24 * hourMs, minBackups: 3 },
        incremental: { ...incremental, mediaOnce },
      })
      const sizes: number[] = []
      for (let day = 0; day < NIGHTS; day++) {
        for (let i = 0; day > 0 && i < CHANGED; i++) world.annotate(((day * 7 + i) % TASKS) + 1, 1)
        expect(await stack.backUp()).toMatchObject({ ok: true, failed: 0 })
        sizes.push((await stack.archives()).reduce((sum, { record }) => sum + record.archive.sizeBytes, 0))
      }
      expect(newExports(stack)).toHaveLength(TASKS + (NIGHTS - 1) * CHANGED)
      expect(sizes.at(-1)! / sizes[0]!).toBeLessThan(mediaOnce ? 1.3 : 1.7)
      const inAWeek = new Date(Date.now() + 7 * 24 * hourMs)
      const options = { rules: { ttlMs: 0, minBackups: KEPT }, now: inAWeek, dryRun: false, isIncremental: true }
      const signal = new AbortController().signal
      await sweepAll(stack.store, { ...options, isActive: () => false, signal })
      const snapshots = await backupsOf(stack, 1)
      expect(snapshots).toHaveLength(KEPT)
      for (const [index, snapshot] of snapshots.entries()) {
        const { restore, target } = await openRestoreFixture({}, { store: stack.store, chunkBytes: 4_000_000 })
        expect((await restore(snapshot, { restoreId: `night-${index}` })).differences).toEqual([])
        expect(target.world.tasks.size).toBe(TASKS)
      }
      const named = new Set(
        snapshots.flatMap(({ record }) =>
          record.snapshot!.parts.flatMap(({ archive, mediaFrom }) => [
            archive.fileName,
            ...(mediaFrom ? [mediaFrom.fileName] : []),
          ]),
        ),
      )
      const left = await stack.archives()
      const tasks = left.filter(({ entity }) => entity.type === 'task')
      const leftBytes = left.reduce((sum, { record }) => sum + record.archive.sizeBytes, 0)
      process.stdout.write(
        `${NIGHTS} nights, ${CHANGED} of ${TASKS} tasks changed in each: ${sizes[0]} bytes after the first, ` +
          `${sizes.at(-1)} after the last; ${leftBytes} and ${tasks.length} archives of tasks with ${KEPT} snapshots kept\n`,
      )
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
