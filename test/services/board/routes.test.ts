// Every route that the board has, found by walking over its routers: who may use it, and that nobody else can.

import type { Express, Router } from 'express'
import { expect, test } from 'vitest'
import { type ApiDeps, apiRoutes } from '#services/board/api-routes.ts'
import { type PageDeps, pageRoutes } from '#services/board/page-routes.ts'
import { queuePages } from '#services/board/queue-pages.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openBoard, openQueuesOf } from './board-fixture.ts'
import { plantStates } from './overview-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const guest = { username: 'guest', password: 'guest password' }
const tokens = { viewer: `viewer-${'v'.repeat(40)}`, operator: `operator-${'o'.repeat(40)}` }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const runId = 'run-1'

interface Route {
  readonly method: string
  /** With `:names`. */
  readonly path: string
}

interface Layer {
  readonly route?: { readonly path: string | readonly string[]; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle: { readonly stack?: readonly Layer[]; readonly router?: { readonly stack: readonly Layer[] } }
}

function walk(router: Router | Express, prefix: string): Route[] {
  const { stack, router: inner } = router as unknown as Layer['handle']
  return (stack ?? inner?.stack ?? []).flatMap(({ route, handle }): Route[] => {
    if (!route) return walk(handle as unknown as Router, prefix)
    const methods = Object.keys(route.methods).map((method) => method.toUpperCase())
    return methods.flatMap((method) => [route.path].flat().map((path) => ({ method, path: `${prefix}${path}` })))
  })
}

/** Nothing of it is called: a router is only made. */
const nothing = {} as never
const routes = [
  ...walk(pageRoutes({} as PageDeps), ''),
  ...walk(apiRoutes({} as ApiDeps), '/api/v1'),
  ...walk(
    queuePages({ queues: [], csrf: nothing, basePath: '', readOnly: false, hasLogout: true, logger: nothing }),
    '/queues',
  ),
]
const writes = routes.filter(({ method }) => method !== 'GET')
const reads = routes.filter(({ method }) => method === 'GET')
/** Whole archives, which are everything, and what reads them. */
const operatorReads = [
  '/entities/:entity/archives/:file',
  '/entities/:entity/diff',
  '/entities/:entity/restore',
  '/api/v1/entities/:entity/archives/:file/content',
  '/api/v1/entities/:entity/diff',
]

async function open() {
  const connection = await redis.connect()
  const { store } = await plantStates(connection)
  const queues = openQueuesOf(connection)
  await queues.sweeps.add({ name: 'waiting', jobId: 'w1', payload: {} })
  const ledger = openRunLedger(connection)
  await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'command' })
  await ledger.endListing(runId)
  await ledger.end(runId, 'ended')
  const [archive] = (await store.listRecords({ type: 'project', id: 1 })).archives
  const board = await openBoard(connection, {
    store,
    viewerUsername: guest.username,
    viewerPassword: guest.password,
    tokens: [
      { role: 'viewer', token: tokens.viewer },
      { role: 'operator', token: tokens.operator },
    ],
  })
  const params: Readonly<Record<string, string>> = {
    entity: 'project-1',
    file: encodeURIComponent(archive!.record.archive.fileName),
    run: runId,
    restore: 'restore-1',
    job: 'w1',
    queueName: 'sweeps',
    jobId: 'w1',
    queueStatus: 'failed',
  }
  const fill = (path: string) => path.replaceAll(/:(\w+)/g, (_, name: string) => params[name] ?? 'x')
  /** All that an action could have changed. */
  const state = async () =>
    Promise.all(
      Object.values(queues).map(async ({ bull }) => [bull.name, await bull.getJobCounts(), await bull.isPaused()]),
    )
  return { board, fill, state }
}

test('the walk finds the routes that there are', () => {
  const found = routes.map(({ method, path }) => `${method} ${path}`)
  expect(found).toEqual(
    expect.arrayContaining([
      'GET /',
      'POST /entities/:entity/backup',
      'POST /runs/:run/retry',
      'POST /api/v1/entities/:entity/restore',
      'GET /api/v1/runs/:run/events',
      'PUT /queues/api/queues/:queueName/pause',
    ]),
  )
  expect(reads.map(({ path }) => path)).toEqual(expect.arrayContaining(operatorReads))
  expect([writes.length > 25, reads.length > 30]).toEqual([true, true])
})

test('nobody gets anything by any route', async () => {
  const { board, fill, state } = await open()
  const before = await state()
  for (const { method, path } of routes) {
    const visitor = board.visitor()
    const page = await visitor.ask(fill(path), { method, headers: { accept: 'text/html' } })
    const isSentToLogin = page.status === 303 && String(page.headers.location).startsWith('/login?next=')
    expect([method, path, isSentToLogin || [401, 403].includes(page.status)]).toEqual([method, path, true])
    expect(page.text).not.toContain('Street scenes')
  }
  expect(await state()).toEqual(before)
})

test('a viewer changes nothing by any route, with the token of its own page, and reads no archive', async () => {
  const { board, fill, state } = await open()
  const before = await state()
  const visitor = board.visitor()
  expect((await visitor.logIn(guest)).status).toBe(303)
  await visitor.open('/')
  const headers = { ...form, 'x-xsrf-token': visitor.cookies.get('XSRF-TOKEN')! }
  for (const { method, path } of writes) {
    const { status } = await visitor.ask(fill(path), { method, headers })
    expect([method, path, status]).toEqual([method, path, 403])
  }
  for (const { path } of reads) {
    const { status } = await visitor.ask(fill(path))
    const isRight = operatorReads.includes(path) ? status === 403 : status < 500 && status !== 401 && status !== 403
    expect([path, status, isRight]).toEqual([path, status, true])
  }
  expect(await state()).toEqual(before)
})

test("a viewer's script changes nothing by any route of the API, and reads no archive", async () => {
  const { board, fill, state } = await open()
  const before = await state()
  const headers = { authorization: `Bearer ${tokens.viewer}`, 'content-type': 'application/json' }
  for (const { method, path } of routes.filter((route) => route.path.startsWith('/api/v1/'))) {
    const { status } = await board.visitor().ask(fill(path), { method, headers })
    const isForOperators = method !== 'GET' || operatorReads.includes(path)
    expect([method, path, status === 403]).toEqual([method, path, isForOperators])
  }
  expect(await state()).toEqual(before)
})

test('nobody can act through the browser of an operator: every route that changes something wants the token', async () => {
  const { board, fill, state } = await open()
  const before = await state()
  const visitor = board.visitor()
  await visitor.logIn()
  for (const { method, path } of [...writes, { method: 'POST', path: '/logout' }]) {
    for (const headers of [form, { 'content-type': 'application/json' }, { 'content-type': 'text/plain' }]) {
      const { status, text } = await visitor.ask(fill(path), { method, headers })
      expect([method, path, status]).toEqual([method, path, 403])
      expect(text).toContain('did not come from a page of the board')
    }
  }
  expect(await state()).toEqual(before)
  expect((await visitor.open('/')).status).toBe(200)
})

test('every page has the strict policy, and that of the queues allows styles and nothing else besides', async () => {
  const { board, fill } = await open()
  const visitor = board.visitor()
  const policies = new Map<string, string>()
  for (const path of ['/login', '/logout', '/nothing']) {
    policies.set(path, String((await visitor.open(path)).headers['content-security-policy']))
  }
  await visitor.logIn()
  for (const { path } of reads)
    policies.set(path, String((await visitor.open(fill(path))).headers['content-security-policy']))
  for (const [path, policy] of policies) {
    expect([path, policy.includes("default-src 'none'"), policy.includes("script-src 'self';")]).toEqual([
      path,
      true,
      true,
    ])
    expect([path, policy.includes('unsafe-inline')]).toEqual([path, path.startsWith('/queues')])
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/)
    expect(policy.match(/unsafe-inline/g)?.length ?? 0).toBeLessThan(2)
  }
}, 60_000)
