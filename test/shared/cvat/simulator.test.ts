import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { asDownloadError } from '#shared/cvat/network-error.ts'
import type { Series } from '#shared/model/series.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { World } from '../../simulator/world.ts'
import { collect, faultOf, noAbort } from './test-client.ts'

const credentials = { username: 'admin', password: 'admin-password' }

function createWorld(): World {
  const world = new World()
  world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
  return world
}

function open(url: string, organization?: string): CvatClient {
  return openCvatClient({ url, credentials, organization, sleep: async () => {} })
}

function backupOf(id: number): Series {
  return { entity: { type: 'project', id }, content: { kind: 'backup' } }
}

async function finish(cvat: CvatClient, requestId: string): Promise<string> {
  let resultUrl: string | null = null
  await expect
    .poll(
      async () => {
        const request = await cvat.getRequest(requestId, noAbort())
        resultUrl = request.resultUrl
        return request.status
      },
      { timeout: 10_000 },
    )
    .toBe('finished')
  return resultUrl ?? ''
}

describe('a whole server, simulated', () => {
  it('is listed completely by every scope, below a base path', async () => {
    const world = createWorld()
    for (let number = 0; number < 7; number++) {
      const project = world.addProject({ name: `p${number}` })
      for (let task = 0; task < number; task++) world.addTask({ projectId: project.id, name: 't', frames: 2, jobs: 2 })
    }
    const loose = world.addTask({ projectId: null, name: 'loose', hasData: false })
    await using simulator = await startSimulator({ world, basePath: '/cvat' })
    await using cvat = open(simulator.url)
    expect((await cvat.checkServer(noAbort())).version).toBe(world.version)
    const projects = await collect(cvat.listProjects({ maxPageSize: 3 }, noAbort()))
    expect(projects.map(({ id }) => id)).toEqual([...world.projects.keys()].sort((a, b) => a - b))
    const free = await collect(cvat.listTasks({ withoutProject: true }, noAbort()))
    expect(free.map(({ id, size }) => [id, size])).toEqual([[loose.id, 0]])
    const [from, to] = [projects[2]?.id ?? 0, projects[4]?.id ?? 0]
    const ranged = await collect(cvat.listTasks({ projectIds: { from, to } }, noAbort()))
    expect(ranged).toHaveLength(2 + 3 + 4)
    const jobs = await collect(cvat.listJobs({ projectIds: { from, to } }, noAbort()))
    expect(new Set(jobs.map(({ task_id }) => task_id))).toEqual(new Set(ranged.map(({ id }) => id)))
    expect(jobs).toHaveLength((2 + 3 + 4) * 2)
  })

  it('narrows lists to an organization, but finds by id without it', async () => {
    const world = createWorld()
    const personal = world.addProject({ name: 'personal' })
    world.addOrganization({ slug: 'acme' })
    const shared = world.addProject({ name: 'shared', organization: 'acme' })
    await using simulator = await startSimulator({ world })
    await using cvat = open(simulator.url, 'acme')
    expect((await collect(cvat.listProjects({}, noAbort()))).map(({ id }) => id)).toEqual([shared.id])
    expect((await cvat.getProject(personal.id, noAbort())).organization_id).toBeNull()
  })

  it('exports, attaches, and serves the file again from where a connection broke', async () => {
    const world = createWorld()
    const { id } = world.addProject({ name: 'payload' })
    world.addTask({ projectId: id, name: 't', frames: 20, bytesPerFrame: 50_000 })
    await using simulator = await startSimulator({ world })
    await using cvat = open(simulator.url)
    simulator.exports.pause()
    const first = await cvat.startExport(backupOf(id), noAbort())
    expect(await cvat.startExport(backupOf(id), noAbort())).toEqual({ ...first, attached: true })
    const active: string[] = []
    for await (const request of cvat.listActiveExports(noAbort())) active.push(request.id)
    expect(active).toEqual([first.requestId])
    simulator.exports.resume()
    const resultUrl = await finish(cvat, first.requestId)

    const whole = await buffer((await cvat.openDownload(resultUrl, {}, noAbort())).body)
    const route = '/api/projects/{id}/backup/download'
    const cut = { kind: 'cut', afterBytes: 300_000, framing: 'content-length' } as const
    simulator.faults.add({ route, times: 1, fault: cut })
    const broken = await cvat.openDownload(resultUrl, {}, noAbort())
    const chunks: Buffer[] = []
    const fault = await (async () => {
      for await (const chunk of broken.body) chunks.push(chunk)
    })().catch((error) => error)
    expect(asDownloadError(fault)).toMatchObject({ code: 'download-interrupted', retryable: true })
    const here = Buffer.concat(chunks)
    const rest = await cvat.openDownload(resultUrl, { offset: here.length, ifRange: broken.etag }, noAbort())
    expect(rest).toMatchObject({ status: 206, offset: here.length, totalBytes: whole.length })
    expect(Buffer.concat([here, await buffer(rest.body)]).equals(whole)).toBe(true)
  })

  it('notices a killed worker when it is asked for the list, not when asked by id', async () => {
    const world = createWorld()
    const { id } = world.addProject({ name: 'p' })
    await using simulator = await startSimulator({ world })
    await using cvat = open(simulator.url)
    simulator.faults.addExport({ fate: { kind: 'hold' } })
    const { requestId } = await cvat.startExport(backupOf(id), noAbort())
    const status = async () => (await cvat.getRequest(requestId, noAbort())).status
    await expect.poll(status).toBe('started')
    simulator.exports.killWorker(requestId)
    world.clock.advance(100_000)
    expect(await status()).toBe('started')
    await cvat.refreshRequests(noAbort())
    expect(await status()).toBe('failed')
  })

  it('cancels only what is queued', async () => {
    const world = createWorld()
    const { id } = world.addProject({ name: 'p' })
    await using simulator = await startSimulator({ world })
    await using cvat = open(simulator.url)
    simulator.exports.pause()
    const { requestId } = await cvat.startExport(backupOf(id), noAbort())
    expect(await cvat.cancelRequest(requestId, noAbort())).toBe(true)
    expect(await faultOf(cvat.getRequest(requestId, noAbort()))).toMatchObject({ code: 'unknown-request' })
    expect(await cvat.cancelRequest(requestId, noAbort())).toBe(false)
  })

  it('goes on after the login token was deleted, with one login more', async () => {
    const world = createWorld()
    await using simulator = await startSimulator({ world })
    await using cvat = open(simulator.url)
    await cvat.getSelf(noAbort())
    world.revokeLoginKey('admin')
    await Promise.all(Array.from({ length: 8 }, () => cvat.getSelf(noAbort())))
    expect(simulator.stats.requestCount('POST /api/auth/login')).toBe(2)
  })

  it('is told apart when it is too old', async () => {
    await using simulator = await startSimulator({ capacity: { generation: '2.15' } })
    await using cvat = open(simulator.url)
    expect(await faultOf(cvat.checkServer(noAbort()))).toMatchObject({ code: 'server-too-old' })
  })
})
