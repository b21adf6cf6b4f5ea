// What the client takes for granted, asked of a real CVAT. Changes nothing there.

import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CvatClient, ExportRequest, ProjectRow, TaskRow } from '#shared/cvat/client.ts'
import { nameIs } from '#shared/cvat/list-scopes.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import { liveUrl, mayExport, openLiveClient } from './live-server.ts'

/** Servers with more than this are only looked at up to here. */
const mostRows = 300

it.runIf(!liveUrl)('a real CVAT was not asked', (context) => {
  context.skip('set CVAT_URL, and CVAT_ACCESS_TOKEN or CVAT_USERNAME and CVAT_PASSWORD')
})

describe.skipIf(!liveUrl)('a real CVAT', () => {
  const { signal } = new AbortController()
  let cvat: CvatClient
  let projects: ProjectRow[] = []

  beforeAll(async () => {
    cvat = openLiveClient()
    projects = await take(cvat.listProjects({ maxPageSize: mostRows }, signal))
  })

  afterAll(() => cvat.close())

  it('is CVAT, knows us, and has the requests API', async () => {
    expect((await cvat.checkServer(signal)).version).toMatch(/^\d+\.\d+/)
    expect((await cvat.getSelf(signal)).id).toBeGreaterThan(0)
  })

  it('gives the same projects in small pages as in one', async () => {
    const [whole, pages] = await unlessChanged(async () => {
      const one = await take(cvat.listProjects({ maxPageSize: mostRows }, signal))
      const many = await take(cvat.listProjects({ maxPageSize: Math.ceil(one.length / 5) + 1 }, signal))
      return [idsOf(one), idsOf(many)]
    })
    expect(pages).toEqual(whole)
  })

  it('gives the same tasks by their scopes as altogether', async () => {
    const [whole, parts] = await unlessChanged(async () => {
      const all = await take(cvat.listTasks({ all: true }, signal))
      const to = all.reduce((highest, { project_id }) => Math.max(highest, project_id ?? 0), 0)
      const last = all.at(-1)?.id ?? 0
      const loose = await take(cvat.listTasks({ withoutProject: true }, signal))
      const held = await take(cvat.listTasks({ projectIds: { from: 1, to } }, signal))
      expect(loose.every(({ project_id }) => project_id === null)).toBe(true)
      return [idsOf(all), idsOf([...loose, ...held]).filter((id) => id <= last)]
    })
    expect(parts).toEqual(whole)
  })

  it("gives a project's tasks and jobs, and only those", async () => {
    for (const { id } of projects.slice(0, 5)) {
      const tasks = await take(cvat.listTasks({ projectId: id }, signal))
      expect(tasks.every(({ project_id }) => project_id === id)).toBe(true)
      const jobs = await take(cvat.listJobs({ projectId: id }, signal))
      const taskIds = new Set(tasks.map((task) => task.id))
      if (tasks.length < mostRows) expect(jobs.every(({ task_id }) => taskIds.has(task_id))).toBe(true)
      const ranged = await take(cvat.listJobs({ projectIds: { from: id, to: id } }, signal))
      expect(idsOf(ranged)).toEqual(idsOf(jobs))
    }
  })

  it('gives the jobs of a task, alone and in a range', async () => {
    const [task] = await take(cvat.listTasks({ all: true }, signal))
    if (!task) return
    const jobs = await take(cvat.listJobs({ taskId: task.id }, signal))
    expect(jobs.every(({ task_id }) => task_id === task.id)).toBe(true)
    expect(idsOf(await take(cvat.listJobs({ taskIds: { from: task.id, to: task.id } }, signal)))).toEqual(idsOf(jobs))
  })

  it('counts the deleted frames of a task among its frames, and names the types of its jobs', async () => {
    const withData = (await take(cvat.listTasks({ all: true }, signal))).filter(({ size }) => size > 0 && size < 10_000)
    for (const { id, size, status } of withData.slice(0, 20)) {
      expect(['annotation', 'validation', 'completed']).toContain(status)
      const { deleted_frames } = await cvat.getTaskMeta(id, signal)
      expect(deleted_frames.every((frame) => frame < size)).toBe(true)
      const types = new Set((await take(cvat.listJobs({ taskId: id }, signal))).map(({ type }) => type))
      expect(['annotation', 'ground_truth', 'consensus_replica']).toEqual(expect.arrayContaining([...types]))
    }
  })

  it('gives what changed since a date', async () => {
    const tasks = await take(cvat.listTasks({ all: true }, signal))
    const since = tasks[Math.floor(tasks.length / 2)]?.updated_date
    if (!since) return
    const changed = await take(cvat.listTasks({ all: true, updatedSince: since }, signal))
    const expected = tasks.filter(({ updated_date }) => compareServerDates(updated_date, since) >= 0)
    expect(idsOf(changed)).toEqual(expect.arrayContaining(idsOf(expected)))
    expect(changed.every(({ updated_date }) => compareServerDates(updated_date, since) >= 0)).toBe(true)
    expect(await take(cvat.listTasks({ all: true, updatedSince: '2999-01-01T00:00:00Z' }, signal))).toEqual([])
  })

  it('gives what is called exactly so', async () => {
    for (const { id, name } of projects.slice(0, 5)) {
      const named = await take(cvat.listProjects({ filter: nameIs(name) }, signal))
      expect(idsOf(named)).toContain(id)
      expect(named.every((project) => project.name === name)).toBe(true)
    }
    const [task] = await take(cvat.listTasks({ all: true }, signal))
    if (task) expect(idsOf(await take(cvat.listTasks({ name: task.name }, signal)))).toContain(task.id)
  })

  it('gives rows by id as in lists', async () => {
    const [project] = projects
    if (project) expect((await cvat.getProject(project.id, signal)).name).toBe(project.name)
    await expect(cvat.getProject(2_147_483_647, signal)).rejects.toMatchObject({ code: 'not-found' })
    await expect(cvat.getTask(2_147_483_647, signal)).rejects.toMatchObject({ code: 'not-found' })
  })

  it('lists organizations, formats and active exports', async () => {
    for await (const organization of cvat.listOrganizations(signal)) expect(organization.slug).not.toBe('')
    expect((await cvat.listFormats(signal)).map(({ name }) => name)).toContain('CVAT for images 1.1')
    for await (const request of cvat.listActiveExports(signal)) expect(['queued', 'started']).toContain(request.status)
    await cvat.refreshRequests(signal)
  })

  it('says so when it does not know a request', async () => {
    const id = 'action=export&target=project&target_id=2147483647&user_id=1&subresource=backup'
    await expect(cvat.getRequest(id, signal)).rejects.toMatchObject({ code: 'unknown-request' })
    expect(await cvat.cancelRequest(id, signal)).toBe(false)
  })

  it.runIf(mayExport)('exports the smallest project, and serves its file whole and in parts', async () => {
    const project = smallestProject(projects, await take(cvat.listTasks({ all: true }, signal)))
    const series = { entity: { type: 'project', id: project.id }, content: { kind: 'backup' } } as const
    const { requestId } = await cvat.startExport(series, signal)
    const resultUrl = (await waitForEnd(cvat, requestId, signal)).resultUrl ?? ''

    const download = await cvat.openDownload(resultUrl, {}, signal)
    const whole = await buffer(download.body)
    expect(whole.subarray(0, 2).toString()).toBe('PK')
    if (download.totalBytes !== undefined) expect(whole).toHaveLength(download.totalBytes)
    if (!download.acceptsRanges) return

    const rest = await cvat.openDownload(resultUrl, { offset: 100, ifRange: download.etag }, signal)
    expect(rest).toMatchObject({ status: 206, offset: 100, totalBytes: whole.length })
    expect(digest(await buffer(rest.body))).toBe(digest(whole.subarray(100)))

    const changed = await cvat.openDownload(resultUrl, { offset: 100, ifRange: '"another"' }, signal)
    expect(changed).toMatchObject({ status: 200, offset: 0 })
    expect(digest(await buffer(changed.body))).toBe(digest(whole))

    const beyond = cvat.openDownload(resultUrl, { offset: whole.length }, signal)
    await expect(beyond).rejects.toMatchObject({ code: 'range-not-satisfiable' })
  })
})

/** Rows of the first pages, `mostRows` of them at most. */
async function take<Row>(pages: AsyncIterable<Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of pages) {
    rows.push(...page)
    if (rows.length >= mostRows) break
  }
  return rows.slice(0, mostRows)
}

function idsOf(rows: readonly { id: number }[]): number[] {
  return rows.map(({ id }) => id).sort((a, b) => a - b)
}

/** People may be working on the server: two lists that differ are read again, twice at most. */
async function unlessChanged(read: () => Promise<number[][]>): Promise<number[][]> {
  let lists = await read()
  for (let again = 0; again < 2 && String(lists[0]) !== String(lists[1]); again++) lists = await read()
  return lists
}

function smallestProject(projects: readonly ProjectRow[], tasks: readonly TaskRow[]): ProjectRow {
  const frames = new Map(projects.map(({ id }) => [id, 0]))
  for (const { project_id, size } of tasks) {
    if (project_id !== null) frames.set(project_id, (frames.get(project_id) ?? 0) + size)
  }
  const [smallest] = [...projects].sort((a, b) => (frames.get(a.id) ?? 0) - (frames.get(b.id) ?? 0))
  if (!smallest) throw new Error('there is no project to export')
  return smallest
}

async function waitForEnd(cvat: CvatClient, requestId: string, signal: AbortSignal): Promise<ExportRequest> {
  for (;;) {
    const request = await cvat.getRequest(requestId, signal)
    if (request.status === 'finished') return request
    if (request.status === 'failed') throw new Error(`the export failed: ${request.message}`)
    await sleep(1000)
  }
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
