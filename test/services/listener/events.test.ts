// From a change on the server to its archive, through the webhooks that CVAT sends.

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { startListener } from '#services/listener/service.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import type { World } from '../../simulator/world.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { emptyWorld, smallWorld } from '../../support/small-world.ts'
import { type StackOptions, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

const secret = 'a secret of the tests: ü'
const projectEvents = ['task', 'job', 'issue', 'comment']
  .flatMap((kind) => ['create', 'update', 'delete'].map((action) => `${action}:${kind}`))
  .concat('update:project', 'delete:project')

interface Options extends StackOptions {
  readonly quietMs?: number
  readonly longestMs?: number
  readonly requestMs?: number
}

/** All services, the listener, and a webhook of each project. */
async function start({ quietMs = 300, longestMs = 60_000, requestMs = 10_000, ...options }: Options = {}) {
  const stack = await startStack(redis, options)
  const metrics = openMetrics()
  const listener = await startListener({
    ...{ quietMs, longestMs, requestMs, secret, metrics },
    connection: stack.connection,
    logger: stack.logs.logger,
    host: '127.0.0.1',
    port: 0,
  })
  onTestFinished(() => listener.close())
  const url = `http://127.0.0.1:${listener.address.port}/hooks/cvat`
  for (const project of stack.world.projects.values()) addHook(stack.world, project.id, url)
  const count = async (name: string): Promise<number> => {
    const line = (await metrics.render()).split('\n').find((one) => one.startsWith(name))
    return line === undefined ? 0 : Number(line.split(' ').at(-1))
  }
  const changeRuns = async () => (await stack.queues.runs.bull.getJobs()).filter(({ id }) => id?.startsWith('changes.'))
  return { ...stack, listener, url, count, changeRuns }
}

function addHook(world: World, projectId: number, targetUrl: string): void {
  world.addWebhook({
    ...{ type: 'project', projectId, organizationId: null, ownerId: 1, targetUrl, secret },
    ...{ description: '', isActive: true, enableSsl: true, events: projectEvents },
  })
}

function sign(body: string, key = secret): Record<string, string> {
  const hex = createHmac('sha256', Buffer.from(key, 'utf8')).update(body).digest('hex')
  return { 'content-type': 'application/json', 'x-signature-256': `sha256=${hex}` }
}

async function post(url: string, body: string, headers: Record<string, string> = sign(body)) {
  const answer = await request(url, { method: 'POST', body, headers, reset: true })
  await answer.body.text()
  return answer.statusCode
}

function projectEvent(id: number, updated = new Date()): string {
  return JSON.stringify({
    event: 'update:project',
    project: { id, updated_date: updated.toISOString() },
    webhook_id: 1,
  })
}

test('a change on the server becomes an archive once it is quiet, with nobody asking for a run', async () => {
  const stack = await start({ world: smallWorld({ projects: 2 }) })
  stack.world.annotate(1)
  const archives = await waitFor('the archive of project 1', async () => {
    const found = await stack.archives()
    return found.length > 0 ? found : undefined
  })
  expect(archives.map(({ entity }) => formatEntity(entity))).toEqual(['project-1'])
  // One save, three calls: of the job, its task and its project.
  await stack.hooks.whenIdle()
  expect(stack.hooks.deliveries.map(({ event, status }) => `${event} ${status}`)).toEqual([
    'update:job 202',
    'update:task 202',
    'update:project 202',
  ])
  expect(await stack.changeRuns()).toHaveLength(1)
  expect(await stack.count('cvat_backups_hook_events_total{event="update:job"}')).toBe(1)
})

test('500 events on one project make one backup, as do those that come twice', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }), quietMs: 4_000 })
  for (let i = 0; i < 166; i++) stack.world.annotate(1)
  stack.world.renameProject(1, 'renamed')
  stack.world.renameProject(1, 'again')
  await stack.hooks.whenIdle()
  expect(stack.hooks.deliveries).toHaveLength(500)
  expect(new Set(stack.hooks.deliveries.map(({ status }) => status))).toEqual(new Set([202]))
  await waitFor('an archive', async () => (await stack.archives()).length)
  await waitFor('nothing to wait any more', async () => (await stack.queues.changes.bull.getDelayedCount()) === 0)
  expect(await stack.changeRuns()).toHaveLength(1)
  expect(await stack.archives()).toHaveLength(1)
  expect(stack.simulator.stats.exportCount({ type: 'project', id: 1 })).toBe(1)
})

test('an event about what waits already costs one question to Redis', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }), services: [], quietMs: 60_000 })
  const { redis: client } = stack.connection
  expect(await post(stack.url, projectEvent(1))).toBe(202)
  const sent: string[] = []
  const send = client.sendCommand.bind(client) as (command: { name: string }, ...more: unknown[]) => unknown
  Object.assign(client, {
    sendCommand(command: { name: string }, ...more: unknown[]) {
      sent.push(command.name)
      return send(command, ...more)
    },
  })
  // Of a time each: the same bytes would be refused as played again.
  const times = Array.from({ length: 20 }, (_, i) => new Date(Date.now() - (i + 1) * 60_000))
  for (const time of times) expect(await post(stack.url, projectEvent(1, time))).toBe(202)
  expect(sent).toEqual(times.map(() => 'eval'))
  expect(await stack.queues.changes.bull.getDelayedCount()).toBe(1)
})

test('what goes on changing is backed up after the longest wait all the same', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }), quietMs: 60_000, longestMs: 500 })
  stack.world.annotate(1)
  await waitFor('an archive', async () => (await stack.archives()).length)
})

test('changes that are due together are one run, and the filters hold for them', async () => {
  const filters = { include: undefined, exclude: { patterns: [], projectIds: [2], taskIds: [] } }
  const stack = await start({ world: smallWorld({ projects: 4 }), filters, services: [] })
  for (const id of [1, 2, 3]) expect(await post(stack.url, projectEvent(id))).toBe(202)
  // Gone before it could be backed up: nobody's failure.
  expect(await post(stack.url, projectEvent(77))).toBe(202)
  await waitFor('all to be due', async () => {
    const delays = await stack.queues.changes.bull.getDelayed()
    return delays.length === 4 && delays.every(({ timestamp, delay }) => timestamp + delay < Date.now())
  })
  for (const name of ['scheduler', 'exporter', 'downloader', 'sweeper'] as const) await stack.start(name)
  const ids = async () => (await stack.archives()).map(({ entity }) => formatEntity(entity)).sort()
  await waitFor('two archives', async () => (await ids()).length === 2)
  expect(await ids()).toEqual(['project-1', 'project-3'])
  expect(await stack.changeRuns()).toHaveLength(1)
  await waitFor('the run to end well', () => stack.logs.lines.find(({ msg }) => msg === 'run ended'))
  // Of the many small runs that go well nothing is written down.
  expect(await stack.store.readRunRecords()).toEqual([])
})

test('what waits outlives the listener', async () => {
  const stack = await start({ world: smallWorld({ projects: 2 }), quietMs: 1_000 })
  expect(await post(stack.url, projectEvent(1))).toBe(202)
  await stack.listener.close()
  await waitFor('the archive', async () => (await stack.archives()).length === 1)
})

test('issues and comments are found to be of their project', async () => {
  const world = emptyWorld()
  const { id } = world.addProject({ name: 'reviewed' })
  const task = world.addTask({ projectId: id, name: 'task', frames: 2, bytesPerFrame: 500 })
  const stack = await start({ world })
  await stack.backUp()
  const [jobId] = task.jobIds
  world.addIssue(jobId!, 'admin', 0, [1, 1, 5, 5])
  await stack.hooks.whenIdle()
  expect(stack.hooks.deliveries.map(({ event }) => event)).toEqual(['create:issue', 'create:comment'])
  const noted = () => stack.store.workflows.newest({ type: 'project', id }, stack.simulator.url)
  const before = await noted()
  await waitFor('a newer sidecar', async () => (await noted())?.head.takenAt !== before?.head.takenAt)
  expect(await stack.archives()).toHaveLength(1)
})

test('forged, unsigned, replayed, old, oversized and malformed calls are refused, counted, and start nothing', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }) })
  const refused = (reason: string) => stack.count(`cvat_backups_hook_refusals_total{reason="${reason}"}`)
  const body = projectEvent(1)
  expect(await post(stack.url, body, sign(body, 'another secret of 16'))).toBe(401)
  expect(await post(stack.url, body, { 'content-type': 'application/json' })).toBe(401)
  expect(await post(stack.url, body, sign('{}'))).toBe(401)
  const large = JSON.stringify({ event: 'ping', padding: 'x'.repeat(300_000) })
  expect(await post(stack.url, large)).toBe(413)
  for (const bad of ['no json', '[]', '{"event":"update:project"}']) expect(await post(stack.url, bad)).toBe(400)
  expect(await post(stack.url, projectEvent(1, new Date(Date.now() - 25 * 3600_000)))).toBe(409)
  expect((await request(stack.url)).statusCode).toBe(405)
  expect(await post(stack.url.replace('/hooks/cvat', '/'), body)).toBe(404)
  expect(await stack.queues.changes.bull.getJobCounts()).toMatchObject({ delayed: 0, waiting: 0, active: 0 })
  expect(await post(stack.url, body)).toBe(202)
  expect(await post(stack.url, body)).toBe(409)
  expect(
    await Promise.all(['forged', 'unsigned', 'too-large', 'malformed', 'too-old', 'replayed', 'method'].map(refused)),
  ).toEqual([2, 1, 1, 3, 1, 1, 1])
  // A ping may come as often as it likes.
  const ping = JSON.stringify({ event: 'ping', webhook: { id: 1 } })
  expect([await post(stack.url, ping), await post(stack.url, ping)]).toEqual([202, 202])
  expect(stack.logs.text()).not.toContain(secret)
  await waitFor('the one good call to become an archive', async () => (await stack.archives()).length)
})

test('who sends slowly is cut off, so that nobody keeps CVAT out', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }), services: [], requestMs: 500 })
  const { hostname, port } = new URL(stack.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write('POST /hooks/cvat HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /)
  await once(socket, 'close')
  expect(await post(stack.url, projectEvent(1))).toBe(202)
}, 25_000)

test('a body without an end is cut off where it gets too large, and the caller is answered', async () => {
  const stack = await start({ world: smallWorld({ projects: 1 }), services: [] })
  const piece = Buffer.alloc(64 * 1024, 'x')
  async function* endless() {
    for (let i = 0; i < 64; i++) yield piece
  }
  const status = await request(stack.url, { method: 'POST', body: Readable.from(endless()), reset: true }).then(
    ({ statusCode }) => statusCode,
    // The rest is not read: the connection may be closed before all of it is sent.
    () => 413,
  )
  expect(status).toBe(413)
  await waitFor('it to be counted', () => stack.count('cvat_backups_hook_refusals_total{reason="too-large"}'))
})
