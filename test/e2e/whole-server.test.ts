// A whole server, backed up as people do it: once, again, and after somebody has worked there.

import { expect, test } from 'vitest'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { openInstallation } from '../support/installation.ts'
import { emptyWorld } from '../support/small-world.ts'

expectNoLeaks()

/** 253 projects of one or two tasks, 40 tasks outside projects, personal and in two organizations. */
function wholeServer() {
  const world = emptyWorld()
  for (const slug of ['robots', 'streets']) world.addOrganization({ slug })
  const organizationOf = (index: number) => [null, 'robots', 'streets'][index % 3]!
  for (let i = 0; i < 253; i++) {
    const { id } = world.addProject({ name: `project ${i % 200}`, organization: organizationOf(i) })
    for (let k = 0; k <= i % 2; k++) {
      world.addTask({ projectId: id, name: `task ${k}`, frames: 2, bytesPerFrame: 300 })
    }
  }
  for (let i = 0; i < 40; i++) {
    const organization = organizationOf(i)
    world.addTask({ projectId: null, name: `loose ${i}`, organization, frames: 2, bytesPerFrame: 300 })
  }
  world.addTask({ projectId: 5, name: 'no data yet', hasData: false })
  return world
}

test('every project and task is backed up once, and after that exactly what has changed', {
  timeout: 600_000,
}, async () => {
  const world = wholeServer()
  const env = { CVAT_BACKUP_PARALLEL_EXPORTS: '16', CVAT_BACKUP_PARALLEL_DOWNLOADS: '8' }
  const server = await openInstallation({ world, env, capacity: { exportWorkers: 16 } })
  const backUp = async (mode: string) => {
    const ended = await server.run(['backup', '--mode', mode, '--json'])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const { total, done, noted, skipped, empty, failed } = JSON.parse(ended.stdout)
    return { total, done, noted, skipped, empty, failed, exports: server.newExports() }
  }
  const tasks = [...world.tasks.values()].filter(({ data }) => data).length

  expect(await backUp('p')).toMatchObject({ total: 293, done: 293, skipped: 0, empty: 0, failed: 0 })
  expect(await server.inspect()).toMatchObject({ good: { length: 293 }, faults: [] })
  expect(await backUp('a')).toMatchObject({ total: 293, done: 293, failed: 0 })
  expect(await server.inspect()).toMatchObject({ good: { length: 586 }, faults: [] })
  // Loose tasks have their backup of mode p already.
  expect(await backUp('t')).toMatchObject({ total: tasks + 1, done: tasks - 40, skipped: 40, empty: 1, failed: 0 })
  expect(await server.inspect()).toMatchObject({ good: { length: 586 + tasks - 40 }, faults: [] })

  for (const mode of ['p', 'a', 't']) {
    expect(await backUp(mode)).toMatchObject({ done: 0, noted: 0, failed: 0, exports: [] })
  }

  const [framed, stated, annotated] = [world.tasksOf(20)[0]!, world.tasksOf(21)[0]!, world.tasksOf(22)[0]!]
  world.deleteFrame(framed.id, 1)
  world.setJobState(stated.jobIds[0]!, 'completed')
  world.annotate(annotated.id)
  // CVAT serves the old state of a project whose frame was deleted: that task is backed up by itself, and nothing twice.
  // A job's state is in no archive: it costs a sidecar, no export.
  const changed = ['project 20', 'project 22', `task ${framed.id}`]
  expect(await backUp('p')).toMatchObject({ total: 294, done: 3, noted: 1, failed: 0, exports: changed })
  expect(await backUp('t')).toMatchObject({ done: 1, noted: 1, exports: [`task ${annotated.id}`] })
  for (const [type, id] of [
    ['project', 21],
    ['task', stated.id],
  ] as const) {
    const newest = await server.store.workflows.newest({ type, id }, server.simulator.url)
    const rows = await Array.fromAsync(server.store.workflows.read(newest!))
    expect(rows).toContainEqual(expect.objectContaining({ type: 'job', id: stated.jobIds[0], state: 'completed' }))
  }
  expect((await backUp('p')).exports).toEqual([])

  const records = await server.store.readRunRecords()
  expect(records.every(({ ok }) => ok === true)).toBe(true)
  const organizations = new Set((await server.archives()).map(({ record }) => record.observation.organization))
  expect(organizations).toEqual(new Set([null, 'robots', 'streets']))
})
