// The API behind the overview: what it says, to whom, and that it is as docs/openapi.json describes it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { describeApi } from '#services/board/api-description.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openBoard, openQueuesOf, operator, type TestBoard } from './board-fixture.ts'
import { planted, plantStates, serverUrl } from './overview-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const document = JSON.parse(readFileSync(join(import.meta.dirname, '../../../docs/openapi.json'), 'utf8'))
const tokens = {
  viewer: 'viewer-token-0123456789abcdef0123456789',
  operator: 'operator-token-0123456789abcdef0123456789',
}

async function open(overrides: Parameters<typeof openBoard>[1] = {}) {
  const connection = await redis.connect()
  const world = await plantStates(connection)
  const board = await openBoard(connection, {
    store: world.store,
    tokens: [
      { role: 'viewer', token: tokens.viewer },
      { role: 'operator', token: tokens.operator },
    ],
    ...overrides,
  })
  const ask = askerOf(board)
  await waitFor('the directory to be read', async () => {
    const { directory } = (await ask('/overview')).json as { directory: { readAt: string | null } }
    return directory.readAt !== null
  })
  return { ...world, connection, board, ask }
}

function askerOf(board: TestBoard) {
  return async (path: string, { as = 'viewer', method = 'GET', body }: Asked = {}) => {
    const answer = await board.visitor().ask(`/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${as in tokens ? tokens[as as 'viewer'] : as}`,
        'content-type': 'application/json',
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    return { ...answer, json: answer.headers['content-type']?.includes('json') ? JSON.parse(answer.text) : undefined }
  }
}

interface Asked {
  readonly as?: string
  readonly method?: string
  readonly body?: object
}

/** Holds an answer against the committed document. */
function expectAsDescribed(path: string, method: string, json: unknown) {
  const { schema } = document.paths[path][method].responses[200].content['application/json']
  const parsed = z.fromJSONSchema(schema).safeParse(json)
  expect(parsed.error?.issues ?? []).toEqual([])
}

test('docs/openapi.json is what the code describes', () => {
  expect(document).toEqual(JSON.parse(JSON.stringify(describeApi())))
})

test('every planted state is found, with its reason, and the document describes the answer', async () => {
  const { ask } = await open()
  const { json } = await ask('/entities?size=100&sort=name')
  expectAsDescribed('/entities', 'get', json)
  const found = (json.entities as { entity: string; state: string; reasons: string[] }[]).map(
    ({ entity, state, reasons }) => [entity, state, reasons.length > 0],
  )
  expect(found.sort()).toEqual(planted.map(({ id, state }) => [`project-${id}`, state, true]).sort())

  const overview = await ask('/overview')
  expectAsDescribed('/overview', 'get', overview.json)
  expect(overview.json).toMatchObject({ watched: 6, needing: 5, counts: { protected: 1, never: 1, deleted: 1 } })
})

test('search, filter, sort and paging happen on the server', async () => {
  const { ask } = await open()
  const names = async (query: string) =>
    ((await ask(`/entities?${query}`)).json.entities as { name: string }[]).map(({ name }) => name)
  expect(await names('search=SCENES')).toEqual(['Street scenes'])
  expect(await names('search=project-3')).toEqual(['Crop rows'])
  expect(await names('state=late')).toEqual(['Warehouse forklifts'])
  expect(await names('state=attention&sort=state')).toEqual([
    'Shelf products <b>',
    'Crop rows',
    'Harbour',
    'Night drives',
    'Warehouse forklifts',
  ])
  expect(await names('organization=robotics&sort=name&order=desc')).toEqual([
    'Warehouse forklifts',
    'Shelf products <b>',
    'Old pilot',
    'Night drives',
  ])
  const second = (await ask('/entities?sort=name&size=4&page=2')).json
  expect(second).toMatchObject({ total: 9, page: 2, pages: 3 })
  expect(second.entities).toHaveLength(4)
  expect((await ask('/entities?sort=colour')).status).toBe(400)
})

test('one project, its archives and why each is kept, as described', async () => {
  const { ask } = await open()
  const one = (await ask('/entities/project-1')).json
  expectAsDescribed('/entities/{entity}', 'get', one)
  expect(one.entities[0]).toMatchObject({ link: `${serverUrl}/projects/1`, archives: 2, level: 'fresh' })
  const { json } = await ask('/entities/project-1/archives')
  expectAsDescribed('/entities/{entity}/archives', 'get', json)
  expect(json.archives).toHaveLength(2)
  expect(json.archives[0]).toMatchObject({ state: 'good', frames: 100, annotations: 100, action: 'keep' })
  expect(json.archives[0].reasons).toContain('newest good archive of its series')
  expect((await ask('/entities/project-99')).status).toBe(404)
  expect((await ask('/entities/..%2f..%2fetc')).status).toBe(400)
  for (const path of ['/store', '/runs', '/restores/targets']) {
    expectAsDescribed(path, 'get', (await ask(path)).json)
  }
})

test('an operator downloads an archive, also a part of it, and no other file', async () => {
  const { ask, board } = await open()
  const [archive] = (await ask('/entities/project-1/archives')).json.archives as { file: string; sizeBytes: number }[]
  const path = `/entities/project-1/archives/${encodeURIComponent(archive!.file)}/content`
  const whole = await ask(path, { as: 'operator' })
  expect(whole.status).toBe(200)
  expect(whole.headers).toMatchObject({
    'content-length': String(archive!.sizeBytes),
    'content-type': 'application/zip',
  })
  const part = await board.visitor().ask(`/api/v1${path}`, {
    headers: { authorization: `Bearer ${tokens.operator}`, range: 'bytes=0-3' },
  })
  expect([part.status, part.text]).toEqual([206, 'PK\u0005\u0006'])
  for (const file of ['..%2Fproject-2%2Fx.zip', '.cvat-backups', archive!.file.replace('.zip', '.json')]) {
    expect((await ask(`/entities/project-1/archives/${file}/content`, { as: 'operator' })).status).toBe(404)
  }
})

describe('a viewer is refused', () => {
  test.each([
    ['POST', '/entities/project-1/backup'],
    ['POST', '/entities/project-1/verify'],
    ['POST', '/entities/project-1/restore'],
    ['POST', '/runs/run-1/retry'],
    ['GET', '/entities/project-1/diff?before=a&after=b'],
    ['GET', '/entities/project-1/archives/x.zip/content'],
  ])('%s %s', async (method, path) => {
    const { ask, connection } = await open()
    const answer = await ask(path, { method })
    expect([answer.status, answer.json.message]).toEqual([403, expect.stringContaining('You may look here')])
    const queues = openQueuesOf(connection)
    expect(await queues.runs.bull.getJobCountByTypes('waiting', 'delayed')).toBe(0)
    expect(await queues.verifications.bull.getJobCountByTypes('waiting', 'delayed')).toBe(0)
  })

  test('in a session, with the token of its own page, on the pages and on the queues too', async () => {
    const viewer = { viewerUsername: 'guest', viewerPassword: 'guest password' }
    const { board, connection } = await open(viewer)
    const visitor = board.visitor()
    expect((await visitor.logIn({ username: 'guest', password: 'guest password' })).status).toBe(303)
    const page = await visitor.open('/entities/project-1')
    expect(page.status).toBe(200)
    expect(page.text).not.toMatch(/<button>|download>/)
    const body = new URLSearchParams({ _csrf: visitor.cookies.get('XSRF-TOKEN') ?? '' }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const action of ['backup', 'verify', 'restore']) {
      expect((await visitor.ask(`/entities/project-1/${action}`, { method: 'POST', headers, body })).status).toBe(403)
    }
    expect((await visitor.act('/queues/exports/pause')).status).toBe(403)
    const queues = openQueuesOf(connection)
    expect(await queues.exports.bull.isPaused()).toBe(false)
    expect(await queues.runs.bull.getJobCountByTypes('waiting', 'delayed')).toBe(0)
  })

  test('by a proxy whose user is no operator', async () => {
    const proxy = { proxyUserHeader: 'x-user', trusted: '127.0.0.1', operators: new Set(['alice']) }
    const { board } = await open({ ...proxy, username: undefined, password: undefined })
    const asUser = async (name: string) => {
      const visitor = board.visitor()
      await visitor.open('/', { 'x-user': name })
      const headers = { 'x-user': name, 'x-xsrf-token': visitor.cookies.get('XSRF-TOKEN') ?? '' }
      return (await visitor.ask('/api/v1/entities/project-1/backup', { method: 'POST', headers })).status
    }
    expect([await asUser('bob'), await asUser('alice')]).toEqual([403, 200])
  })
})

describe('tokens', () => {
  test('wrong ones are refused, counted against the address, and then not looked at', async () => {
    const { ask } = await open({ limits: { wrongLogins: 3 } })
    for (let i = 0; i < 3; i++) expect((await ask('/overview', { as: 'x'.repeat(40) })).status).toBe(401)
    expect((await ask('/overview', { as: 'viewer' })).status).toBe(429)
  })

  test('a session without the token of our pages starts nothing by the API', async () => {
    const { board } = await open()
    const visitor = board.visitor()
    await visitor.logIn(operator)
    expect((await visitor.ask('/api/v1/entities/project-1/backup', { method: 'POST' })).status).toBe(403)
    const headers = { 'x-xsrf-token': visitor.cookies.get('XSRF-TOKEN') ?? '' }
    await visitor.open('/')
    headers['x-xsrf-token'] = visitor.cookies.get('XSRF-TOKEN') ?? ''
    expect((await visitor.ask('/api/v1/entities/project-1/backup', { method: 'POST', headers })).status).toBe(200)
  })
})

test('an operator starts a backup and a verification; the jobs say who did it in the log', async () => {
  const { ask, connection, board } = await open()
  const backup = await ask('/entities/project-2/backup', { as: 'operator', method: 'POST' })
  expectAsDescribed('/entities/{entity}/backup', 'post', backup.json)
  const verify = await ask('/entities/project-2/verify', { as: 'operator', method: 'POST' })
  expectAsDescribed('/entities/{entity}/verify', 'post', verify.json)
  const queues = openQueuesOf(connection)
  expect((await queues.runs.bull.getJob(backup.json.run))?.data).toMatchObject({
    do: 'start-run',
    mode: 'p',
    full: true,
    entities: [{ type: 'project', id: 2 }],
  })
  expect((await queues.verifications.bull.getJob(verify.json.job))?.data).toEqual({
    entities: [{ type: 'project', id: 2 }],
  })
  expect(board.logs.text()).toContain('token 2')
  expect(board.logs.text()).not.toContain(tokens.operator)
})

test('what cannot be restored is said in words, and nothing is queued', async () => {
  const { ask } = await open()
  const [archive] = (await ask('/entities/project-1/archives')).json.archives as { file: string }[]
  const body = { archive: archive!.file, target: 'https://other.example.com' }
  const answer = await ask('/entities/project-1/restore', { as: 'operator', method: 'POST', body })
  expect([answer.status, answer.json.message]).toEqual([409, expect.stringContaining('No restorer serves')])
})

test('a directory that cannot be read hides nothing of what runs know', async () => {
  const connection = await redis.connect()
  const world = await plantStates(connection)
  const store = { ...world.store, listEntities: () => unreachable() }
  const board = await openBoard(connection, { store, tokens: [{ role: 'viewer', token: tokens.viewer }] })
  const ask = askerOf(board)
  const { json } = await waitFor('the fault to be told', async () => {
    const answer = await ask('/overview')
    return answer.json.directory.problem === null ? undefined : answer
  })
  expect(json).toMatchObject({ watched: 6, directory: { problem: expect.stringContaining('the mount is away') } })
})

// biome-ignore lint/correctness/useYield: it fails before it has anything
async function* unreachable(): AsyncGenerator<never> {
  throw new Error('the mount is away')
}
