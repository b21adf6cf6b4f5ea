// Webhooks as the simulated server sends them, held against those that were recorded.

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { checkSignature } from '#services/listener/check-signature.ts'
import { readRecordedHooks, recordedSecret } from '../../services/listener/recorded-hooks.ts'
import { startSimulator } from '../simulator.ts'
import { World } from '../world.ts'

interface Received {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function startReceiver(
  answer: (count: number) => { status: number; location?: string } | 'never' = () => ({ status: 200 }),
) {
  const received: Received[] = []
  const server: Server = createServer(async (call, response) => {
    const pieces: Buffer[] = []
    for await (const piece of call) pieces.push(piece as Buffer)
    received.push({ method: call.method ?? '', headers: call.headers, body: Buffer.concat(pieces).toString() })
    const given = answer(received.length)
    if (given === 'never') return
    response.writeHead(given.status, given.location ? { location: given.location } : {}).end('taken')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const events = () => received.map(({ body }) => (JSON.parse(body) as { event: string }).event)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/p`, received, events }
}

async function start() {
  const world = new World()
  world.addUser({ username: 'admin', password: 'pw-of-admin', isSuperuser: true })
  world.addUser({ username: 'bob', password: 'pw-of-bob' })
  const simulator = await startSimulator({ world, capacity: { basicCostMs: 0 } })
  onTestFinished(() => simulator.close())
  const call = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    as = 'admin',
    more = {},
  ) => {
    const answer = await request(`${simulator.url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${as}:pw-of-${as}`).toString('base64')}`,
        'content-type': 'application/json',
        ...more,
      },
      body: body ? JSON.stringify(body) : null,
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
  }
  return { world, simulator, call, hooks: simulator.hooks }
}

const recorded = new Map(readRecordedHooks())
const projectEvents = (recorded.get('ping_project')!.json.webhook as { events: string[] }).events
const organizationEvents = (recorded.get('ping_organization')!.json.webhook as { events: string[] }).events

test('what it sends has the keys, the order and the headers of what was recorded', async () => {
  const { world, call, hooks } = await start()
  const receiver = await startReceiver()
  const project = world.addProject({ name: 'hooked é' })
  const task = world.addTask({ projectId: project.id, name: 'ht', frames: 8, jobs: 2 })
  const made = await call('POST', '/api/webhooks', {
    ...{
      type: 'project',
      project_id: project.id,
      target_url: receiver.url,
      events: projectEvents,
      secret: recordedSecret,
    },
  })
  expect(made).toMatchObject({ status: 201, json: { type: 'project', project_id: project.id, is_active: true } })
  expect(made.json).not.toHaveProperty('secret')
  expect((await call('POST', `/api/webhooks/${made.json.id}/ping`)).json).toMatchObject({ status_code: 200 })
  world.annotate(task.id)
  world.renameProject(project.id, 'hooked é 2')
  world.renameProject(project.id, 'hooked é 2')
  world.renameTask(task.id, 'ht2')
  world.deleteFrame(task.id, 0)
  const issue = world.addIssue(task.jobIds[0]!, 'admin', 0, [1, 1])
  await hooks.whenIdle()
  expect(receiver.events()).toEqual([
    'ping',
    ...['update:job', 'update:task', 'update:project'],
    'update:project',
    ...['update:task', 'update:project'],
    'update:task',
    ...['create:issue', 'create:comment'],
  ])
  expect(issue.id).toBe(1)
  const pairs: [number, string][] = [
    [0, 'ping_project'],
    [1, 'annotations_saved_update_job'],
    [2, 'annotations_saved_update_task'],
    [3, 'annotations_saved_update_project'],
    [4, 'update_project_rename'],
    [7, 'update_task_deleted_frames'],
    [8, 'create_issue'],
    [9, 'create_comment'],
  ]
  for (const [index, name] of pairs) {
    const { headers, body } = receiver.received[index]!
    const real = recorded.get(name)!
    expect(shapeOf(JSON.parse(body)), name).toEqual(shapeOf(real.json))
    const sent = Object.keys(headers).filter((header) => !['connection', 'transfer-encoding'].includes(header))
    const wanted = Object.keys(real.headers).map((header) => header.toLowerCase())
    expect(sent.sort(), name).toEqual(wanted.filter((header) => header !== 'connection').sort())
    expect(checkSignature(String(headers['x-signature-256']), Buffer.from(body), recordedSecret)).toBe('good')
  }
  expect(receiver.received[4]!.body).toContain('"name": "hooked \\u00e9 2"')
})

/** Keys in their order, with those of rows below them. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.entries(value).map(([key, inner]) => [key, ['owner', 'assignee'].includes(key) ? null : shapeOf(inner)])
}

test('nothing is sent twice, and who answers slowly holds the others up', async () => {
  const { world, call, hooks } = await start()
  hooks.timeoutMs = 200
  const slow = await startReceiver((count) => (count === 1 ? 'never' : { status: 500 }))
  const other = await startReceiver()
  const first = world.addProject({ name: 'a' })
  const second = world.addProject({ name: 'b' })
  for (const [project, receiver] of [
    [first, slow],
    [second, other],
  ] as const) {
    await call('POST', '/api/webhooks', {
      ...{ type: 'project', project_id: project.id, target_url: receiver.url, events: projectEvents },
    })
  }
  world.renameProject(first.id, 'a2')
  world.renameProject(second.id, 'b2')
  world.renameProject(first.id, 'a3')
  await hooks.whenIdle()
  expect(hooks.deliveries.map(({ hookId, status }) => [hookId, status])).toEqual([
    [1, 504],
    [2, 200],
    [1, 500],
  ])
  expect(slow.received).toHaveLength(2)
  // Without a secret there is no signature at all.
  expect(slow.received[0]!.headers).not.toHaveProperty('x-signature-256')
  expect((await call('GET', '/api/webhooks/1')).json).toMatchObject({ last_status: 500, is_active: true })
})

test('redirects are followed: after a 302 by a GET without a body', async () => {
  const { world, call, hooks } = await start()
  const end = await startReceiver()
  const receiver = await startReceiver((count) => ({ status: count === 1 ? 302 : 307, location: end.url }))
  const { id } = world.addProject({ name: 'a' })
  await call('POST', '/api/webhooks', {
    ...{ type: 'project', project_id: id, target_url: receiver.url, events: ['update:project'] },
  })
  world.renameProject(id, 'b')
  world.renameProject(id, 'c')
  await hooks.whenIdle()
  expect(end.received.map(({ method, body }) => [method, body === ''])).toEqual([
    ['GET', true],
    ['POST', false],
  ])
})

test('an organization hears of its projects and tasks, and a project that is deleted takes its hooks along', async () => {
  const { world, call, hooks } = await start()
  world.addOrganization({ slug: 'robots', name: 'Robots', owner: 'admin' })
  const own = await startReceiver()
  const all = await startReceiver()
  const { id } = world.addProject({ name: 'a', organization: 'robots' })
  world.addTask({ projectId: id, name: 't', frames: 2 })
  await call('POST', '/api/webhooks', { type: 'project', project_id: id, target_url: own.url, events: projectEvents })
  const body = { type: 'organization', target_url: all.url, events: organizationEvents }
  expect((await call('POST', '/api/webhooks', body)).status).toBe(500)
  expect((await call('POST', '/api/webhooks', body, 'admin', { 'x-organization': 'robots' })).status).toBe(201)
  world.addTask({ projectId: null, name: 'loose', frames: 2, organization: 'robots' })
  world.deleteProject(id)
  await hooks.whenIdle()
  expect(own.events()).toEqual(['delete:project', 'delete:job'])
  expect(all.events().slice(-3)).toEqual(['delete:project', 'delete:job', 'delete:task'])
  expect(all.events()).toContain('create:task')
  expect((await call('GET', '/api/webhooks')).json.results).toMatchObject([{ type: 'organization' }])
})

test('host names of one word are refused, and who may not manage a project', async () => {
  const { world, call } = await start()
  const { id } = world.addProject({ name: 'a' })
  const body = { type: 'project', project_id: id, events: projectEvents, target_url: 'http://backup:8000/' }
  expect(await call('POST', '/api/webhooks', body)).toEqual({
    status: 400,
    json: { target_url: ['Enter a valid URL.'] },
  })
  const fine = { ...body, target_url: 'http://backup.internal:8000/' }
  expect((await call('POST', '/api/webhooks', fine, 'bob')).status).toBe(403)
  const { project_id: _, ...without } = fine
  expect((await call('POST', '/api/webhooks', without)).status).toBe(500)
  expect((await call('POST', '/api/webhooks', { ...fine, secret: 'x'.repeat(65) })).status).toBe(400)
})
