import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { restoreEntity } from '#services/restorer/restore-entity.ts'
import type { RestoreDeps } from '#services/restorer/restore-work.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import { seedBulk } from '../../simulator/seed-bulk.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import type { World } from '../../simulator/world.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { useRedis } from '../../support/redis-server.ts'
import { emptyWorld, smallWorld } from '../../support/small-world.ts'
import { openTestClient, type Stack, startStack } from '../../support/start-stack.ts'

const redis = useRedis()

describe('restoring onto an empty server', () => {
  it('brings every project and task back as it was', async () => {
    const world = smallWorld({ projects: 3, looseTasks: 2 })
    seedBulk(world, { projects: 4, tasksPerProject: 3, frames: 4 })
    const { stack, target, deps, restore } = await start(world)
    const archives = await stack.archives()
    for (const { entity } of archives) {
      const result = await restore(entity)
      expect({ entity, ...result }).toMatchObject({ differences: [] })
    }
    expect(target.world.projects.size).toBe(world.projects.size)
    expect([...target.world.projects.values()].map(({ name }) => name).sort()).toEqual(
      [...world.projects.values()].map(({ name }) => name).sort(),
    )
    expect(deps.target.url).toBe(target.url)
  })
})

describe('restoring a project whose archive is not what the project was', () => {
  it('puts it together from its stale archive and the own archives of its tasks while uploading', async () => {
    const world = emptyWorld()
    const a = world.addProject({ name: 'A', labels: ['car'] })
    const b = world.addProject({ name: 'B' })
    const tasks = [2, 3, 4].map((frames) =>
      world.addTask({ projectId: a.id, name: `${frames} frames`, frames, bytesPerFrame: 500, jobs: 2 }),
    )
    const { stack, target, restore } = await start(world)
    world.deleteFrame(tasks[1]!.id, 2)
    world.moveTask(tasks[0]!.id, b.id)
    expect(await stack.backUp()).toMatchObject({ ok: true })
    const before = await listFiles(stack.directory)
    const result = await restore({ type: 'project', id: a.id })
    expect(result.differences).toEqual([])
    expect(result.notes).toEqual([
      expect.stringMatching(/^task 2 "3 frames" from 2\S+-backup-3_frames-\w{8}\.zip: /),
      expect.stringContaining('task_0 "2 frames" left out: '),
    ])
    const restored = [...target.world.tasks.values()]
    expect(restored.map(({ name, data }) => [name, data?.frames, [...(data?.deletedFrames ?? [])]])).toEqual([
      ['3 frames', 3, [2]],
      ['4 frames', 4, []],
    ])
    // No copy of it was made on the way.
    expect(await listFiles(stack.directory)).toEqual(before)
  })

  it('names what is old and has no archive of its own as a difference', async () => {
    const world = emptyWorld()
    const { id } = world.addProject({ name: 'A' })
    const task = world.addTask({ projectId: id, name: 'night', frames: 3, bytesPerFrame: 500 })
    const { stack, restore } = await start(world)
    world.deleteFrame(task.id, 2)
    expect(await stack.backUp()).toMatchObject({ ok: true })
    await rm(join(stack.directory, `task-${task.id}`), { recursive: true })
    const { differences } = await restore({ type: 'project', id })
    expect(differences).toEqual([{ where: 'task 1 "night"', what: expect.stringContaining('is old: ') }])
  })
})

describe('restoring what no archive holds', () => {
  it('puts stage, state and assignees back from what was noted beside the archive', async () => {
    const world = emptyWorld()
    world.addUser({ username: 'anna', password: 'anna-pw' })
    const { id } = world.addProject({ name: 'A' })
    const task = world.addTask({ projectId: id, name: 'night', frames: 4, bytesPerFrame: 500, jobs: 2 })
    const [first, second] = task.jobIds as [number, number]
    world.setJobStage(first, 'validation')
    world.setJobState(first, 'in progress')
    world.assignJob(second, 'anna')
    world.assignTask(task.id, 'anna')
    const { target, restore } = await start(world)
    const anna = target.world.addUser({ username: 'anna', password: 'another' })
    expect(await restore({ type: 'project', id })).toMatchObject({ differences: [], notes: [] })
    expect([...target.world.jobs.values()].map(({ stage, state, assigneeId }) => [stage, state, assigneeId])).toEqual([
      ['validation', 'in progress', null],
      ['annotation', 'new', anna.id],
    ])
    expect([...target.world.tasks.values()].map(({ assigneeId }) => assigneeId)).toEqual([anna.id])
  })
})

describe('two restores of one project', () => {
  it('at the same time make two, each with its own mark until it is done', async () => {
    const { target, restore } = await start(smallWorld({ projects: 1 }))
    const entity: EntityRef = { type: 'project', id: 1 }
    const both = await Promise.all([restore(entity, { restoreId: 'one' }), restore(entity, { restoreId: 'two' })])
    expect(new Set(both.map(({ restored }) => restored.id)).size).toBe(2)
    expect([...target.world.projects.values()].map(({ name }) => name)).toEqual(['project 1', 'project 1'])
  })

  it('of which one was made twice by the server names the second and removes nothing', async () => {
    const { target, deps, restore } = await start(smallWorld({ projects: 1 }))
    // The order is carried out twice, as CVAT does when it is given twice in time.
    const finish = deps.target.cvat.uploads.finish.bind(deps.target.cvat.uploads)
    target.imports.pause()
    const twice: typeof finish = async (...args) => {
      await finish(...args)
      const second = await finish(...args)
      target.imports.resume()
      await target.imports.whenIdle()
      return second
    }
    const cvat = { ...deps.target.cvat, uploads: { ...deps.target.cvat.uploads, finish: twice } }
    const { differences } = await restore({ type: 'project', id: 1 }, {}, { ...deps, target: { ...deps.target, cvat } })
    expect(differences).toEqual([
      {
        where: 'it',
        what: expect.stringMatching(/^was made a second time, as project-\d: compare, and delete it: http/),
      },
    ])
    expect(target.world.projects.size).toBe(2)
  })
})

/** Archives and records, without what the product notes for itself. */
async function listFiles(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).filter((name) => !name.startsWith('.cvat-backups')).sort()
}

async function start(world: World) {
  const stack = await startStack(redis, { world })
  await stack.backUp()
  const target = await startSimulator({ world: emptyWorld(), capacity: { exportMs: 1, basicCostMs: 0 } })
  onTestFinished(() => target.close())
  const cvat = openTestClient(target.url)
  onTestFinished(() => cvat.close())
  const deps: RestoreDeps = {
    store: stack.store,
    target: { url: target.url, cvat },
    chunkBytes: 100_000,
    importTimeoutMs: 60_000,
    now: () => new Date(),
  }
  const restore = async (entity: EntityRef, more: Partial<RestorePayload> = {}, over: RestoreDeps = deps) =>
    restoreEntity(await payloadFor(stack, target, entity, more), context(), over)
  return { stack, target, deps, restore }
}

async function payloadFor(
  stack: Stack,
  target: Simulator,
  entity: EntityRef,
  more: Partial<RestorePayload>,
): Promise<RestorePayload> {
  const [archive] = (await stack.store.listRecords(entity)).archives
  const { record } = archive!
  return {
    restoreId: 'test',
    entity,
    archive: { fileName: record.archive.fileName, sha256: record.archive.sha256 },
    name: record.observation.name,
    targetUrl: target.url,
    organization: null,
    repair: false,
    ...more,
  }
}

function context() {
  return { signal: new AbortController().signal, logger: collectLogs([]).logger, progress: async () => {} }
}
