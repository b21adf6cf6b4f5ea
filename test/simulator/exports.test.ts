import { describe, expect, it } from 'vitest'
import { readMembers } from '../contracts/zip-shape.ts'
import type { Capacity } from './capacity.ts'
import {
  asAdmin,
  backupId,
  backupPath,
  call,
  callJson,
  exportBackup,
  fetchBackup,
  project,
  task,
} from './raw-client.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import { createWorld } from './test-world.ts'

async function start(capacity: Partial<Capacity> = {}): Promise<Simulator> {
  const world = createWorld()
  world.addProject({ name: 'p' })
  for (const name of ['a', 'b']) world.addTask({ projectId: 1, name, frames: 2, bytesPerFrame: 500 })
  return await startSimulator({ world, capacity: { basicCostMs: 0, exportMs: 1, ...capacity } })
}

async function statusOf(simulator: Simulator, id: string): Promise<string> {
  const request = (await callJson(simulator, `/api/requests/${encodeURIComponent(id)}`)) as { status: string }
  return request.status
}

describe('the cached backup of a project', () => {
  it('is served again, byte for byte, after changes that leave the project’s date', async () => {
    await using simulator = await start()
    const first = await fetchBackup(simulator, project(1))
    simulator.world.deleteFrame(1, 0)
    simulator.world.addGroundTruthJob(2)
    simulator.world.clock.advance(20 * 3_600_000)
    const second = await fetchBackup(simulator, project(1))
    expect(second.body.equals(first.body)).toBe(true)
    expect(second.headers.etag).not.toBe(first.headers.etag)
    simulator.world.clock.advance(20 * 3_600_000)
    const third = await fetchBackup(simulator, project(1))
    expect(third.body.equals(first.body)).toBe(true)
    expect(simulator.stats.exports.map(({ isCached }) => isCached)).toEqual([false, true, true])
  })

  it('is made anew once the project’s date moves, and then holds what was missed', async () => {
    await using simulator = await start()
    await fetchBackup(simulator, project(1))
    simulator.world.deleteFrame(1, 0)
    simulator.world.renameProject(1, 'p2')
    const members = await readMembers((await fetchBackup(simulator, project(1))).body)
    const text = members.find(({ shape }) => shape.name === 'task_0/task.json')?.content.toString()
    expect(JSON.parse(text ?? '').data.deleted_frames).toEqual([0])
  })

  it('is made anew when it has expired, with the same members and other time stamps', async () => {
    await using simulator = await start()
    const first = await fetchBackup(simulator, project(1))
    simulator.world.clock.advance(25 * 3_600_000)
    const second = await fetchBackup(simulator, project(1))
    expect(second.body.equals(first.body)).toBe(false)
    const crcs = async (body: Buffer) => (await readMembers(body)).map(({ shape, crc }) => [shape.name, crc])
    expect(await crcs(second.body)).toEqual(await crcs(first.body))
  })

  it('still holds a task that has moved away', async () => {
    await using simulator = await start()
    await fetchBackup(simulator, project(1))
    simulator.world.addProject({ name: 'B' })
    simulator.world.moveTask(1, 2)
    const members = await readMembers((await fetchBackup(simulator, project(1))).body)
    expect(members.map(({ shape }) => shape.name)).toContain('task_1/task.json')
  })
})

describe('an export', () => {
  it('holds what there was when a worker picked it up, not when it was ordered', async () => {
    await using simulator = await start()
    simulator.exports.pause()
    await exportBackup(simulator, task(1))
    simulator.world.renameTask(1, 'renamed while it waited')
    simulator.exports.resume()
    await simulator.exports.whenIdle()
    const members = await readMembers((await call(simulator, backupPath(task(1)))).body)
    const text = members.find(({ shape }) => shape.name === 'task.json')?.content.toString()
    expect(text).toContain('renamed while it waited')
  })

  it('of a task is fresh after a deleted frame and stale after a ground truth job', async () => {
    await using simulator = await start()
    const first = await fetchBackup(simulator, task(1))
    simulator.world.deleteFrame(1, 1)
    const second = await fetchBackup(simulator, task(1))
    simulator.world.addGroundTruthJob(1)
    const third = await fetchBackup(simulator, task(1))
    expect([second.body.equals(first.body), third.body.equals(second.body)]).toEqual([false, true])
  })

  it('of a project’s annotations is fresh where its backup is stale', async () => {
    await using simulator = await start()
    const path = '/api/projects/1/dataset/export?format=CVAT%20for%20images%201.1&save_images=false'
    for (const round of [1, 2]) {
      await call(simulator, path, { method: 'POST' })
      await simulator.exports.whenIdle()
      if (round === 1) simulator.world.deleteFrame(1, 0)
    }
    expect(simulator.stats.exports.map(({ isCached }) => isCached)).toEqual([false, false])
  })

  it('leaves out a task without data and lost media without a word, and counts both', async () => {
    await using simulator = await start()
    simulator.world.addTask({ projectId: 1, name: 'no data', hasData: false })
    simulator.world.addTask({ projectId: 1, name: 'lost', frames: 1 })
    simulator.world.removeMedia(4)
    const members = await readMembers((await fetchBackup(simulator, project(1))).body)
    const names = members.map(({ shape }) => shape.name)
    expect(names.filter((name) => /^task_[23]/.test(name))).toEqual(['task_3/task.json', 'task_3/annotations.json'])
  })

  it('waits for a worker: as many run at once as there are', async () => {
    await using simulator = await start({ exportWorkers: 3, exportMs: 5 })
    for (let id = 2; id <= 12; id += 1) simulator.world.addProject({ name: `p${id}` })
    await Promise.all(Array.from({ length: 12 }, (_, index) => exportBackup(simulator, project(index + 1))))
    await simulator.exports.whenIdle()
    const { running, outstanding, exports, outstandingByUser } = simulator.stats
    expect(running).toEqual({ current: 0, max: 3 })
    expect(outstanding.max).toBeGreaterThan(3)
    expect(outstandingByUser.get(1)?.current).toBe(0)
    expect(exports.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 12 }, () => 'finished'))
  })

  it('of the same thing is refused with the same id while one is under way, also for another kind of call', async () => {
    await using simulator = await start()
    simulator.exports.pause()
    expect(await exportBackup(simulator, project(1))).toBe(202)
    expect(await exportBackup(simulator, project(1))).toBe(409)
    expect(await exportBackup(simulator, task(1))).toBe(202)
    expect(simulator.stats.exportCount(project(1))).toBe(1)
  })

  it('whose worker was killed stays started until the list is called late enough', async () => {
    await using simulator = await start()
    simulator.faults.addExport({ entity: project(1), fate: { kind: 'kill-worker' }, times: 1 })
    await exportBackup(simulator, project(1))
    await simulator.exports.whenIdle()
    const id = backupId(project(1))
    const list = () => call(simulator, '/api/requests?action=export&status=queued&page_size=1')
    await list()
    expect(await statusOf(simulator, id)).toBe('started')
    simulator.world.clock.advance(91_000)
    expect(await statusOf(simulator, id)).toBe('started')
    await list()
    expect(await statusOf(simulator, id)).toBe('failed')
    expect(await exportBackup(simulator, project(1))).toBe(202)
    await simulator.exports.whenIdle()
    expect(await statusOf(simulator, id)).toBe('finished')
  })

  it('whose worker was killed is given up by polls alone after eleven minutes', async () => {
    await using simulator = await start()
    simulator.faults.addExport({ fate: { kind: 'kill-worker' } })
    await exportBackup(simulator, project(1))
    await simulator.exports.whenIdle()
    simulator.world.clock.advance(666_000)
    expect(await statusOf(simulator, backupId(project(1)))).toBe('started')
    simulator.world.clock.advance(2_000)
    expect(await statusOf(simulator, backupId(project(1)))).toBe('failed')
  })

  it('is forgotten a day after its end', async () => {
    await using simulator = await start()
    await fetchBackup(simulator, project(1))
    simulator.world.clock.advance(25 * 3_600_000)
    expect((await call(simulator, `/api/requests/${encodeURIComponent(backupId(project(1)))}`)).status).toBe(404)
    expect((await call(simulator, backupPath(project(1)))).status).toBe(400)
  })

  it('that is held runs until it is told to finish', async () => {
    await using simulator = await start()
    simulator.faults.addExport({ fate: { kind: 'hold' } })
    await exportBackup(simulator, project(1))
    expect(await statusOf(simulator, backupId(project(1)))).toBe('started')
    simulator.exports.finish(backupId(project(1)))
    expect((await call(simulator, backupPath(project(1)), { headers: asAdmin })).status).toBe(200)
  })
})
