import { describe, expect, it } from 'vitest'
import { troubledAnswers } from './faults.ts'
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

const download = '/api/tasks/{id}/backup/download'
const capacity = { basicCostMs: 0, exportMs: 1 }

async function startWithBackup(): Promise<Simulator> {
  const world = createWorld()
  world.addTask({ projectId: null, name: 't', frames: 1, bytesPerFrame: 300_000 })
  const simulator = await startSimulator({ world, capacity })
  await fetchBackup(simulator, task(1))
  return simulator
}

describe('a fault of the connection', () => {
  it('resets it after so many bytes', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'reset', afterBytes: 100_000 } })
    const { body, end, headers } = await call(simulator, backupPath(task(1)))
    expect(end).toBe('broken')
    expect(body.length).toBeGreaterThan(0)
    expect(body.length).toBeLessThanOrEqual(100_000)
    expect(Number(headers['content-length'])).toBeGreaterThan(300_000)
  })

  it('stops sending and keeps it open', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'stall', afterBytes: 1000 } })
    const { body, end } = await call(simulator, backupPath(task(1)), { patienceMs: 500 })
    expect([end, body.length]).toEqual(['given up', 1000])
  })

  it('ends it too early, so that the length tells', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'cut', afterBytes: 5000, framing: 'content-length' } })
    const { body, end } = await call(simulator, backupPath(task(1)))
    expect([end, body.length]).toEqual(['broken', 5000])
  })

  it('ends it too early, in good order and without a length', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'cut', afterBytes: 5000, framing: 'chunked' } })
    const { body, end, headers } = await call(simulator, backupPath(task(1)))
    expect([end, body.length, headers['content-length']]).toEqual(['complete', 5000, undefined])
  })

  it('lets the bytes drip', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'drip', bytesPerSecond: 2_000_000 } })
    const start = performance.now()
    expect((await call(simulator, backupPath(task(1)))).end).toBe('complete')
    expect(performance.now() - start).toBeGreaterThan(100)
  })

  it('can come before the first byte of any answer', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: '/api/projects', fault: { kind: 'reset', afterBytes: 0 } })
    const outcome = await call(simulator, '/api/projects')
    expect([outcome.end, outcome.body.length]).toEqual(['broken', 0])
  })
})

describe('a lost answer', () => {
  it('is lost before or after the call was carried out', async () => {
    await using simulator = await startWithBackup()
    simulator.world.addProject({ name: 'p' })
    const order = '/api/projects/{id}/backup/export'
    simulator.faults.add({ route: order, times: 1, fault: { kind: 'drop', when: 'before' } })
    await expect(exportBackup(simulator, project(1))).rejects.toThrow()
    expect(simulator.stats.exportCount(project(1))).toBe(0)
    simulator.faults.add({ route: order, times: 1, fault: { kind: 'drop', when: 'after' } })
    await expect(exportBackup(simulator, project(1))).rejects.toThrow()
    expect(simulator.stats.exportCount(project(1))).toBe(1)
  })

  it('can be waited for in vain', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: '/api/projects', fault: { kind: 'silence', when: 'before' } })
    const impatient = fetch(`${simulator.url}/api/projects`, { headers: asAdmin, signal: AbortSignal.timeout(100) })
    await expect(impatient).rejects.toThrow(/timeout/)
  })
})

describe('a rule', () => {
  it('answers in place of the server, for the calls it names and no others', async () => {
    await using simulator = await startWithBackup()
    const rule = simulator.faults.add({
      method: 'GET',
      route: '/api/projects',
      nth: [2, 3],
      fault: { kind: 'answer', answer: troubledAnswers.tooManyRequests(7) },
    })
    const statuses: number[] = []
    for (let round = 0; round < 4; round += 1) statuses.push((await call(simulator, '/api/projects')).status)
    expect(statuses).toEqual([200, 429, 429, 200])
    expect(rule.hits).toBe(2)
    expect((await call(simulator, '/api/tasks')).status).toBe(200)
  })

  it('holds for a window of time and until it is removed', async () => {
    await using simulator = await startWithBackup()
    const answer = troubledAnswers.badGateway()
    simulator.faults.add({ forMs: 1000, fault: { kind: 'answer', answer } })
    expect((await call(simulator, '/api/projects')).status).toBe(502)
    await expect.poll(async () => (await call(simulator, '/api/projects')).status, { timeout: 10_000 }).toBe(200)
    const rule = simulator.faults.add({ fault: { kind: 'answer', answer } })
    expect((await call(simulator, '/api/projects')).status).toBe(502)
    rule.remove()
    expect((await call(simulator, '/api/projects')).status).toBe(200)
  })

  it('is about one project or task, by path and by request id', async () => {
    await using simulator = await startWithBackup()
    simulator.world.addTask({ projectId: null, name: 'other' })
    simulator.faults.add({ entity: task(1), fault: { kind: 'answer', answer: troubledAnswers.denied() } })
    expect(await exportBackup(simulator, task(1))).toBe(403)
    expect(await exportBackup(simulator, task(2))).toBe(202)
    expect((await call(simulator, `/api/requests/${encodeURIComponent(backupId(task(1)))}`)).status).toBe(403)
  })

  it('changes what the server would say: a page that points elsewhere, a hostile file name', async () => {
    await using simulator = await startWithBackup()
    for (let id = 1; id <= 3; id += 1) simulator.world.addProject({ name: `p${id}` })
    const next = 'http://evil.example/api/projects?page=2'
    simulator.faults.add({
      route: '/api/projects',
      fault: { kind: 'rewrite', json: (body) => ({ ...(body as object), next }) },
    })
    const headers = { 'content-disposition': 'attachment; filename="/etc/passwd"' }
    simulator.faults.add({ route: download, fault: { kind: 'rewrite', headers } })
    expect(await callJson(simulator, '/api/projects?page_size=1')).toMatchObject({ next, count: 3 })
    expect((await call(simulator, backupPath(task(1)))).headers['content-disposition']).toContain('/etc/passwd')
  })

  it('lets something happen to the server in the middle', async () => {
    await using simulator = await startWithBackup()
    const action = () => simulator.world.deleteTask(1)
    simulator.faults.add({ route: download, times: 1, fault: { kind: 'run', action } })
    expect((await call(simulator, backupPath(task(1)))).status).toBe(404)
  })

  it('gives an HTML page with status 200 in place of a file', async () => {
    await using simulator = await startWithBackup()
    simulator.faults.add({ route: download, fault: { kind: 'answer', answer: troubledAnswers.loginPage() } })
    const { status, headers } = await call(simulator, backupPath(task(1)))
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  })
})

describe('a fault of the export', () => {
  it('fails with its message, for so many exports', async () => {
    const world = createWorld()
    world.addProject({ name: 'p' })
    await using simulator = await startSimulator({ world, capacity })
    simulator.faults.addExport({ kind: 'backup', nth: 1, fate: { kind: 'fail', message: 'OSError: disk full' } })
    const outcomes: number[] = []
    for (let round = 0; round < 2; round += 1) outcomes.push((await fetchBackup(simulator, project(1))).status)
    expect(outcomes).toEqual([400, 200])
    expect(simulator.stats.exports.map(({ outcome }) => outcome)).toEqual(['failed', 'finished'])
  })

  it('lets the worker’s process die', async () => {
    const world = createWorld()
    world.addProject({ name: 'p' })
    await using simulator = await startSimulator({ world, capacity })
    simulator.faults.addExport({ fate: { kind: 'hold' } })
    await exportBackup(simulator, project(1))
    simulator.exports.killHorse(backupId(project(1)))
    const request = await callJson(simulator, `/api/requests/${encodeURIComponent(backupId(project(1)))}`)
    expect(request).toMatchObject({ status: 'failed', message: expect.stringContaining('Work-horse terminated') })
  })
})
