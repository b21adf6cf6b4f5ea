import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { asAdmin, call, callJson, fetchBackup, project } from './raw-client.ts'
import { seedBulk } from './seed-bulk.ts'
import { seedDemo } from './seed-demo.ts'
import { startSimulator } from './simulator.ts'
import { createWorld } from './test-world.ts'
import { World } from './world.ts'

const capacity = { basicCostMs: 0, exportMs: 1 }

interface Page {
  readonly count: number
  readonly next: string | null
  readonly results: readonly { readonly id: number; readonly name: string }[]
}

describe('the simulated server', () => {
  it('is served below a base path, which its own addresses carry', async () => {
    const world = createWorld()
    seedBulk(world, { projects: 3 })
    await using simulator = await startSimulator({ world, capacity, basePath: '/cvat/' })
    expect(simulator.url).toMatch(/\/cvat$/)
    const page = (await callJson(simulator, '/api/projects?page_size=2')) as Page
    expect(page.next).toBe(`${simulator.url}/api/projects?page=2&page_size=2`)
    expect((await fetchBackup(simulator, project(1))).status).toBe(200)
    const outside = await fetch(`${new URL(simulator.url).origin}/api/server/about`)
    expect(outside.status).toBe(404)
  })

  it('compresses long answers for those who ask, and never files', async () => {
    const world = createWorld()
    seedBulk(world, { projects: 1 })
    await using simulator = await startSimulator({ world, capacity })
    const headers = { ...asAdmin, 'accept-encoding': 'gzip' }
    expect((await call(simulator, '/api/projects', { headers })).headers['content-encoding']).toBe('gzip')
    expect((await call(simulator, '/api/projects?page=9', { headers })).headers['content-encoding']).toBeUndefined()
  })

  it('counts what it is asked, password hashes among it', async () => {
    await using simulator = await startSimulator({ world: createWorld(), capacity })
    await call(simulator, '/api/projects')
    await call(simulator, '/api/projects/9')
    const key = simulator.world.login(simulator.world.user(1))
    await call(simulator, '/api/projects', { headers: { authorization: `Token ${key}` } })
    expect(simulator.stats.passwordHashes).toBe(2)
    expect(simulator.stats.requestCount('GET /api/projects', 200)).toBe(2)
    expect(simulator.stats.requestCount('GET /api/projects/{id}', 404)).toBe(1)
    expect(simulator.stats.requestCount()).toBe(3)
  })

  it('makes Basic pay for its hashing, two at a time', async () => {
    await using simulator = await startSimulator({ world: createWorld(), capacity: { ...capacity, basicCostMs: 30 } })
    const start = performance.now()
    await Promise.all([1, 2, 3, 4].map(() => call(simulator, '/api/users/self')))
    expect(performance.now() - start).toBeGreaterThan(55)
  })

  it('gives the same login token until it is revoked, and another afterwards', async () => {
    await using simulator = await startSimulator({ world: createWorld(), capacity })
    const json = { username: 'admin', password: 'admin-password' }
    const login = async () =>
      (await callJson(simulator, '/api/auth/login', { method: 'POST', headers: {}, json })) as { key: string }
    const first = await login()
    expect(await login()).toEqual(first)
    const headers = { authorization: `Token ${first.key}` }
    expect((await call(simulator, '/api/auth/logout', { method: 'POST', headers })).status).toBe(200)
    expect((await call(simulator, '/api/projects', { headers })).status).toBe(401)
    expect((await login()).key).not.toBe(first.key)
  })

  it('takes a session cookie for reading, and wants its token for anything else', async () => {
    const world = createWorld()
    seedBulk(world, { projects: 1 })
    await using simulator = await startSimulator({ world, capacity })
    const json = { username: 'admin', password: 'admin-password' }
    const login = await call(simulator, '/api/auth/login', { method: 'POST', headers: {}, json })
    const cookie = (login.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ')
    const csrf = /csrftoken=(\w+)/.exec(cookie)?.[1] ?? ''
    expect((await call(simulator, '/api/projects', { headers: { cookie } })).status).toBe(200)
    const order = { method: 'POST', headers: { cookie } }
    expect((await call(simulator, '/api/projects/1/backup/export', order)).status).toBe(403)
    const allowed = { method: 'POST', headers: { cookie, 'x-csrftoken': csrf } }
    expect((await call(simulator, '/api/projects/1/backup/export', allowed)).status).toBe(202)
  })

  it('throttles calls without login and lets them through again a minute later', async () => {
    await using simulator = await startSimulator({
      world: createWorld(),
      capacity: { ...capacity, anonymousPerMinute: 3 },
    })
    const about = async () => (await call(simulator, '/api/server/about', { headers: {} })).status
    expect([await about(), await about(), await about(), await about()]).toEqual([200, 200, 200, 429])
    simulator.world.clock.advance(60_001)
    expect(await about()).toBe(200)
  })

  it('shows people what is theirs, and organizations to those who run them', async () => {
    const world = createWorld()
    world.addOrganization({ slug: 'acme', members: { bob: 'maintainer' } })
    world.addOrganization({ slug: 'other', members: { bob: 'worker' } })
    for (const organization of ['acme', 'other', null]) world.addProject({ name: String(organization), organization })
    world.addProject({ name: 'own', owner: 'bob' })
    await using simulator = await startSimulator({ world, capacity })
    const headers = { authorization: `Basic ${Buffer.from('bob:bob-password').toString('base64')}` }
    const names = async (query: string) =>
      ((await callJson(simulator, `/api/projects${query}`, { headers })) as Page).results.map(({ name }) => name)
    expect(await names('')).toEqual(['own', 'acme'])
    expect(await names('?org=')).toEqual(['own'])
    expect(await names('?org=acme')).toEqual(['acme'])
  })

  it('filters by the rules it knows and refuses the others', async () => {
    const world = createWorld()
    seedBulk(world, { projects: 2, tasks: 2, tasksPerProject: 2 })
    world.addGroundTruthJob(1)
    await using simulator = await startSimulator({ world, capacity })
    const ids = async (list: string, rule: unknown) => {
      const page = (await callJson(
        simulator,
        `/api/${list}?sort=id&filter=${encodeURIComponent(JSON.stringify(rule))}`,
      )) as Page
      return page.results?.map(({ id }) => id) ?? page
    }
    const id = { var: 'id' }
    expect(await ids('tasks', { '!': { var: 'project_id' } })).toEqual([5, 6])
    expect(await ids('tasks', { '!!': { var: 'project_id' } })).toEqual([1, 2, 3, 4])
    expect(await ids('tasks', { and: [{ '>': [id, 1] }, { '<=': [id, 3] }] })).toEqual([2, 3])
    expect(await ids('tasks', { or: [{ '==': [id, 1] }, { '>=': [id, 6] }] })).toEqual([1, 6])
    expect(await ids('tasks', { '<=': [2, id, 4] })).toEqual([2, 3, 4])
    expect(await ids('tasks', { '==': [{ var: 'project_id' }, null] })).toEqual([5, 6])
    expect(await ids('tasks', { in: ['of project 2', { var: 'name' }] })).toEqual([3, 4])
    expect(await ids('tasks', { '>=': [{ var: 'updated_date' }, world.task(5).updatedDate] })).toEqual([5, 6])
    expect(await ids('jobs', { '==': [{ var: 'type' }, 'ground_truth'] })).toEqual([7])
    expect(await ids('tasks', { '!=': [id, 1] })).toEqual([expect.stringContaining('not implemented')])
    expect(await ids('tasks', { '==': [{ var: 'created_date' }, 1] })).toEqual([
      "filter: 'created_date' term is not supported",
    ])
  })

  it('stands for an old server without the requests API', async () => {
    const world = createWorld()
    seedBulk(world, { projects: 1 })
    await using simulator = await startSimulator({ world, capacity: { ...capacity, generation: '2.15' } })
    expect((await call(simulator, '/api/requests')).status).toBe(404)
    expect((await call(simulator, '/api/projects/1/backup/export', { method: 'POST' })).status).toBe(404)
    expect((await call(simulator, '/api/projects/1/backup')).status).toBe(202)
    await simulator.exports.whenIdle()
    expect((await call(simulator, '/api/projects/1/backup')).status).toBe(201)
    const file = await call(simulator, '/api/projects/1/backup?action=download')
    expect([file.status, file.headers['content-type']]).toEqual([200, 'application/zip'])
  })

  it('answers 500 where it breaks itself, and keeps the reason', async () => {
    await using simulator = await startSimulator({ world: createWorld(), capacity })
    simulator.world.addTask({ projectId: null, name: 't' })
    const json = { project_id: 99 }
    expect((await call(simulator, '/api/tasks/1', { method: 'PATCH', json })).status).toBe(500)
    expect(simulator.stats.errors).toHaveLength(1)
  })

  it('lists ten thousand projects and a hundred thousand tasks in pages', async () => {
    const world = new World()
    seedBulk(world, { projects: 10_000, tasksPerProject: 10, orgs: 3 })
    await using simulator = await startSimulator({ world, capacity })
    const seen = new Set<number>()
    let path: string | null = '/api/projects?page_size=1000&sort=id'
    while (path !== null) {
      const page = (await callJson(simulator, path)) as Page
      for (const { id } of page.results) seen.add(id)
      path = page.next === null ? null : page.next.slice(simulator.url.length)
    }
    expect(seen.size).toBe(10_000)
    const tasks = (await callJson(simulator, '/api/tasks?page_size=1&sort=-updated_date')) as Page
    expect([tasks.count, tasks.results[0]?.id]).toEqual([100_000, 100_000])
  })

  it('holds a lifelike demo', async () => {
    const world = new World()
    seedDemo(world)
    expect(world.projects.size).toBe(25)
    expect(world.organizations.size).toBe(2)
    const names = [...world.projects.values()].map(({ name }) => name)
    expect(names.length - new Set(names).size).toBe(1)
  })

  it('runs by itself under node and says where', async () => {
    const main = new URL('./main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [main, '--port', '0', '--seed', 'projects=2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const response = await fetch(`${line.toString().trim()}/api/projects`, { headers: asAdmin })
    expect(((await response.json()) as Page).count).toBe(2)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
