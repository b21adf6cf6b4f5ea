// What visitors can do, and that nobody else can do it in their name.

import { describe, expect, test } from 'vitest'
import { allQueues } from '#shared/queues/all-queues.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openBoard, openQueuesOf, openToAll, type Visitor } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

async function openWithJobs(overrides: Parameters<typeof openBoard>[1] = {}) {
  const connection = await redis.connect()
  const queues = openQueuesOf(connection)
  await queues.sweeps.add({ name: 'waiting', jobId: 'w1', payload: {} })
  await queues.sweeps.add({ name: 'delayed', jobId: 'd1', payload: {}, options: { delay: 3600_000 } })
  const board = await openBoard(connection, overrides)
  const visitor = board.visitor()
  if (overrides.username === undefined && !('username' in overrides)) await visitor.logIn()
  await visitor.open('/queues')
  return { ...queues, board, visitor, sweeps: queues.sweeps.bull }
}

const send = (visitor: Visitor, method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  visitor.ask(`/queues/api${path}`, { method, headers: { 'content-type': 'application/json', ...headers }, body })
const token = (visitor: Visitor) => ({ 'x-xsrf-token': visitor.cookies.get('XSRF-TOKEN')! })

describe('an action', () => {
  test('promotes, pauses, resumes and removes, and is logged with who did it', async () => {
    const { visitor, sweeps, board } = await openWithJobs()
    expect((await visitor.act('/queues/sweeps/d1/promote')).status).toBe(204)
    expect(await sweeps.getJobState('d1')).toBe('waiting')
    expect((await visitor.act('/queues/sweeps/pause')).status).toBe(200)
    expect(await sweeps.isPaused()).toBe(true)
    expect((await visitor.act('/queues/sweeps/resume')).status).toBe(200)
    expect(await sweeps.isPaused()).toBe(false)
    expect((await visitor.act('/queues/sweeps/w1/clean')).status).toBe(204)
    expect(await sweeps.getJob('w1')).toBeUndefined()
    expect((await visitor.act('/queues/pause')).status).toBe(200)
    expect(await sweeps.isPaused()).toBe(true)
    const fields = { user: 'operator', how: 'password', action: 'sweeps/d1/promote', status: 204 }
    expect(board.logs.lines).toContainEqual(expect.objectContaining(fields))
  })

  test('runs a schedule now, beside its own time', async () => {
    const { visitor, sweeps } = await openWithJobs()
    await sweeps.upsertJobScheduler('nightly', { pattern: '0 0 1 1 *' }, { name: 'sweep', data: {} })
    expect((await visitor.act('/queues/sweeps/job-schedulers/nightly/run')).status).toBe(200)
    const waiting = await sweeps.getWaiting()
    expect(waiting.map(({ name, data }) => [name, data])).toContainEqual(['sweep', {}])
    expect(await sweeps.getJobScheduler('nightly')).toMatchObject({ pattern: '0 0 1 1 *' })
  })

  test.each([
    ['without a token', {}],
    ['with an empty token', { 'x-xsrf-token': '' }],
    ['with a made-up token', { 'x-xsrf-token': `${'0'.repeat(64)}.${'0'.repeat(64)}` }],
  ])('%s is refused, although the session is there', async (_, headers) => {
    const { visitor, sweeps } = await openWithJobs()
    const answer = await send(visitor, 'PUT', '/queues/sweeps/pause', headers)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.text).message).toContain('did not come from a page of the board')
    expect(await sweeps.isPaused()).toBe(false)
  })

  test('with a cookie and a header that agree but were made up is refused', async () => {
    const { visitor, sweeps } = await openWithJobs()
    visitor.cookies.set('XSRF-TOKEN', 'same')
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause', { 'x-xsrf-token': 'same' })).status).toBe(403)
    expect(await sweeps.isPaused()).toBe(false)
  })

  test("with another session's token is refused", async () => {
    const { visitor, board, sweeps } = await openWithJobs()
    const other = board.visitor()
    await other.logIn()
    await other.open('/queues')
    visitor.cookies.set('XSRF-TOKEN', other.cookies.get('XSRF-TOKEN')!)
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause', token(other))).status).toBe(403)
    expect(await sweeps.isPaused()).toBe(false)
  })

  test('with a token from before the login is refused', async () => {
    const { board, sweeps } = await openWithJobs()
    const visitor = board.visitor()
    await visitor.open('/login')
    const before = visitor.cookies.get('XSRF-TOKEN')!
    await visitor.logIn()
    visitor.cookies.set('XSRF-TOKEN', before)
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause', token(visitor))).status).toBe(403)
    expect(await sweeps.isPaused()).toBe(false)
  })

  test.each(['cross-site', 'same-site'])('that the browser says came from elsewhere (%s) is refused', async (site) => {
    const { visitor, sweeps } = await openWithJobs()
    const headers = { ...token(visitor), 'sec-fetch-site': site }
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause', headers)).status).toBe(403)
    expect(await sweeps.isPaused()).toBe(false)
    expect(
      (await send(visitor, 'PUT', '/queues/sweeps/pause', { ...headers, 'sec-fetch-site': 'same-origin' })).status,
    ).toBe(200)
  })

  test('needs a token where nobody has to log in, too', async () => {
    const { visitor, sweeps } = await openWithJobs(openToAll)
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause')).status).toBe(403)
    expect(await sweeps.isPaused()).toBe(false)
    expect((await send(visitor, 'PUT', '/queues/sweeps/pause', token(visitor))).status).toBe(200)
  })
})

const other: [string, string, string][] = [
  ['POST', '/queues/sweeps/add', '{"name":"forged","data":{}}'],
  ['PATCH', '/queues/sweeps/w1/update-data', '{"data":{"entity":{"type":"project","id":1}}}'],
  ['PATCH', '/queues/sweeps/d1/delay', '{"delay":1}'],
  ['PATCH', '/queues/sweeps/w1/priority', '{"priority":1}'],
  ['PUT', '/queues/sweeps/obliterate', '{"force":true}'],
  ['PUT', '/queues/sweeps/empty', ''],
  ['PUT', '/queues/sweeps/concurrency', '{"concurrency":99}'],
  ['PUT', '/queues/sweeps/rate-limit', '{"max":1,"duration":1000}'],
  ['PUT', '/queues/sweeps/rate-limit/release', ''],
  ['PUT', '/queues/sweeps/clean/wait', ''],
  ['PUT', '/queues/sweeps/clean/active', ''],
  ['PUT', '/queues/sweeps/job-schedulers/x/remove', ''],
  ['PATCH', '/queues/sweeps/job-schedulers/x', '{"every":1000}'],
  ['PUT', '/queues/sweeps/w1/remove-unprocessed-children', ''],
  ['DELETE', '/queues/sweeps/w1', ''],
]

test.each(other)(
  'what would change what jobs carry or how queues work is refused: %s %s',
  async (method, path, body) => {
    const { visitor, sweeps } = await openWithJobs()
    const before = await sweeps.getJobCounts()
    const answer = await send(visitor, method, path, token(visitor), body)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.text).message).toContain('The board does not do this')
    expect(await sweeps.getJobCounts()).toEqual(before)
    expect((await sweeps.getJob('w1'))?.data).toEqual({})
  },
)

describe('a read-only board', () => {
  const actions: [string, string][] = [
    ['PUT', '/queues/sweeps/pause'],
    ['PUT', '/queues/pause'],
    ['PUT', '/queues/sweeps/d1/promote'],
    ['PUT', '/queues/sweeps/w1/clean'],
    ['PUT', '/queues/sweeps/w1/retry'],
    ['PUT', '/queues/sweeps/retry/failed'],
    ...other.map(([method, path]): [string, string] => [method, path]),
  ]

  test.each(actions)('refuses %s %s from a hand-made request', async (method, path) => {
    const { visitor, sweeps } = await openWithJobs({ readOnly: true })
    const answer = await send(visitor, method, path, token(visitor), method === 'DELETE' ? undefined : '{}')
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.text).message).toContain('BOARD_READ_ONLY')
    expect(await sweeps.isPaused()).toBe(false)
    expect(await sweeps.getJobState('d1')).toBe('delayed')
  })

  test('shows everything and offers nothing', async () => {
    const { visitor } = await openWithJobs({ readOnly: true })
    const answer = await visitor.ask('/queues/api/queues?activeQueue=sweeps')
    const { queues } = JSON.parse(answer.text) as { queues: { name: string; description: string }[] }
    expect(new Set(queues.map(({ name }) => name))).toEqual(new Set(Object.keys(allQueues)))
    for (const queue of queues) {
      expect(queue.description, queue.name).not.toBe('')
      expect(queue).toMatchObject({ readOnlyMode: true, allowRetries: false })
    }
  })

  test('can still be left', async () => {
    const { visitor } = await openWithJobs({ readOnly: true })
    const page = await visitor.open('/logout')
    const field = /name="_csrf" value="([^"]+)"/.exec(page.text)![1]!
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await visitor.ask('/logout', { method: 'POST', headers, body: `_csrf=${field}` })).status).toBe(303)
  })
})
