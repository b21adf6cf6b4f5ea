import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type MarkDeletedDeps, markDeleted, sawEverything } from '#services/scheduler/mark-deleted.ts'
import { SeenIds } from '#services/scheduler/seen-ids.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { openTestStore, storeArchive } from '../../shared/store/store-fixture.ts'
import { nginxPage, serverErrorPage } from '../../simulator/answers.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { useRedis } from '../../support/redis-server.ts'
import { login, smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'

const redis = useRedis()
const { signal } = new AbortController()
const project = (id: number): EntityRef => ({ type: 'project', id })
const task = (id: number): EntityRef => ({ type: 'task', id })

async function markedOf(store: Store, serverUrl: string): Promise<string[]> {
  const marked: string[] = []
  for await (const entity of store.listEntities()) {
    if (await store.readDeletedMarker(entity, serverUrl)) marked.push(formatEntity(entity))
  }
  return marked.sort()
}

/** A server with three projects (tasks 1 to 3) and two loose tasks (4, 5), and a store that knows some of them. */
async function open({ username, password }: { username: string; password: string } = login) {
  const simulator = await startSimulator({ world: smallWorld({ projects: 3, looseTasks: 2 }) })
  onTestFinished(() => simulator.close())
  const cvat: CvatClient = openCvatClient({ url: simulator.url, credentials: { username, password } })
  onTestFinished(() => cvat.close())
  const store = await openTestStore()
  const logs = collectLogs()
  const mark = () => markDeleted({ cvat, store, serverUrl: simulator.url }, logs.logger, signal)
  const stored = (entity: EntityRef, serverUrl = simulator.url) =>
    storeArchive(store, { entity, serverUrl, backupId: `run.${formatEntity(entity)}.backup` })
  return { simulator, store, mark, stored, marked: () => markedOf(store, simulator.url) }
}

test('projects and tasks that the server no longer has are marked, once', async () => {
  const { simulator, store, mark, stored, marked } = await open()
  for (const entity of [project(1), project(2), project(77), task(3), task(4), task(5)]) await stored(entity)
  simulator.world.deleteProject(2)
  simulator.world.deleteTask(4)
  expect(await mark()).toBe(3)
  expect(await marked()).toEqual(['project-2', 'project-77', 'task-4'])
  const before = await store.readDeletedMarker(project(2), simulator.url)
  expect(await mark()).toBe(0)
  expect(await store.readDeletedMarker(project(2), simulator.url)).toEqual(before)
})

test('what the listing has just shown is not asked about again, and a folder of anything else is', async () => {
  const { simulator, store, stored, marked } = await open()
  for (const entity of [project(1), project(2), project(77), task(3), task(4)]) await stored(entity)
  simulator.world.deleteTask(4)
  const cvat = openCvatClient({ url: simulator.url, credentials: login })
  onTestFinished(() => cvat.close())
  const seen = new SeenIds()
  for (const entity of [project(1), project(2), project(3), task(1), task(2), task(3), task(5)]) seen.add(entity)
  const asked: string[] = []
  const spy: MarkDeletedDeps['cvat'] = {
    ...cvat,
    listProjects: (options, signal) => {
      asked.push(JSON.stringify(options.filter))
      return cvat.listProjects(options, signal)
    },
    listTasks: (scope, signal) => {
      asked.push(JSON.stringify(scope))
      return cvat.listTasks(scope, signal)
    },
  }
  expect(await markDeleted({ cvat: spy, store, serverUrl: simulator.url, seen }, collectLogs().logger, signal)).toBe(2)
  expect(await marked()).toEqual(['project-77', 'task-4'])
  expect(asked.map((text) => text.match(/\[([\d,]*)\]/)?.[1])).toEqual(['77', '4'])
})

test('what the login may not see any more is not marked: forbidden is not deleted', async () => {
  const { simulator, mark, stored, marked } = await open({ username: 'eve', password: 'eve-pw-123' })
  simulator.world.addUser({ username: 'eve', password: 'eve-pw-123' })
  await stored(project(1))
  await stored(task(4))
  await stored(project(77))
  expect(await mark()).toBe(1)
  expect(await marked()).toEqual(['project-77'])
})

test('a folder that holds only archives of another server is left alone', async () => {
  const { store, mark, stored, marked } = await open()
  await stored(project(77), 'https://other.example.org')
  await mkdir(join(store.directory, 'project-78'))
  expect(await mark()).toBe(0)
  expect(await marked()).toEqual([])
})

test('a folder with a number that no server can have keeps the others from nothing', async () => {
  const { simulator, store, mark, stored, marked } = await open()
  await mkdir(join(store.directory, 'project-2147483648'))
  const where = ({ query }: { query: URLSearchParams }) => query.get('filter')?.includes('2147483648') ?? false
  simulator.faults.add({ where, fault: { kind: 'answer', answer: serverErrorPage() } })
  await stored(project(77))
  expect(await mark()).toBe(1)
  expect(await marked()).toEqual(['project-77'])
})

test('hundreds of folders are asked about in a few calls', async () => {
  const { simulator, store, mark, stored, marked } = await open()
  for (let id = 4; id < 1000; id++) await mkdir(join(store.directory, `project-${id}`))
  await stored(project(1))
  await stored(project(500))
  expect(await mark()).toBe(1)
  expect(await marked()).toEqual(['project-500'])
  expect(simulator.stats.requestCount('GET /api/projects')).toBeLessThanOrEqual(5)
  expect(simulator.stats.requestCount('GET /api/projects/{id}')).toBe(1)
})

test('a fault of the server ends the marking and marks nothing', async () => {
  const { simulator, mark, stored, marked } = await open()
  await stored(project(77))
  simulator.faults.add({
    route: '/api/projects/{id}',
    fault: { kind: 'answer', answer: nginxPage(404, '404 Not Found') },
  })
  await expect(mark()).rejects.toMatchObject({ code: 'no-endpoint' })
  expect(await marked()).toEqual([])
})

test('only a run without filters, organization and names has a say in what is deleted', () => {
  const filter = { patterns: ['a*'], projectIds: [], taskIds: [] }
  const filters = { include: undefined, exclude: undefined }
  expect(sawEverything({}, { filters })).toBe(true)
  expect(sawEverything({ entities: [project(1)] }, { filters })).toBe(false)
  expect(sawEverything({}, { filters: { ...filters, include: filter } })).toBe(false)
  expect(sawEverything({}, { filters: { ...filters, exclude: filter } })).toBe(false)
  expect(sawEverything({}, { filters, organization: 'acme' })).toBe(false)
})

test('a run of everything marks what was deleted, and takes the marker off what is there', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 3, looseTasks: 1 }) })
  await stack.backUp()
  const { store, simulator } = stack
  await store.writeDeletedMarker(project(1), simulator.url)
  stack.world.deleteProject(2)
  stack.world.deleteTask(4)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, skipped: 2 })
  expect(await markedOf(store, simulator.url)).toEqual(['project-2', 'task-4'])
  expect(await stack.archives()).toHaveLength(4)
})

test('a run of named entities or under a filter marks nothing', async () => {
  const include = { patterns: ['project *'], projectIds: [], taskIds: [] }
  const options = { world: smallWorld({ projects: 2 }), filters: { include, exclude: undefined } }
  const filtered = await startStack(redis, options)
  await filtered.backUp()
  filtered.world.deleteProject(2)
  expect(await filtered.backUp()).toMatchObject({ ok: true, total: 1 })
  expect(await markedOf(filtered.store, filtered.simulator.url)).toEqual([])

  const named = await startStack(redis, { world: smallWorld({ projects: 2 }) })
  await named.backUp()
  named.world.deleteProject(2)
  await named.backUp({ entities: [project(1), project(2)] })
  expect(await markedOf(named.store, named.simulator.url)).toEqual([])
})

test('a run is good all the same when what was deleted could not be noted', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 2 }) })
  await stack.backUp()
  stack.world.deleteProject(2)
  const where = ({ query }: { query: URLSearchParams }) => query.get('filter')?.includes('"in"') ?? false
  const rule = stack.simulator.faults.add({
    route: '/api/projects',
    where,
    fault: { kind: 'answer', answer: serverErrorPage() },
  })
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 1 })
  expect(await markedOf(stack.store, stack.simulator.url)).toEqual([])
  rule.remove()
  await stack.backUp()
  expect(await markedOf(stack.store, stack.simulator.url)).toEqual(['project-2'])
})
