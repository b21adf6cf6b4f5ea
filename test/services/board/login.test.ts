// Who comes in and for how long.

import { describe, expect, test } from 'vitest'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openBoard, operator } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const api = '/queues/api/queues'

describe('whoever is not logged in', () => {
  test('is led to the login and back to where they wanted to go', async () => {
    const visitor = (await openBoard(await redis.connect())).visitor()
    const refused = await visitor.open('/queues/queue/exports?status=failed')
    expect(refused.status).toBe(303)
    expect(refused.headers.location).toBe('/login?next=%2Fqueues%2Fqueue%2Fexports%3Fstatus%3Dfailed')
    const page = await visitor.open(refused.headers.location!)
    expect(page.status).toBe(200)
    expect(page.text).toContain('name="next" value="/queues/queue/exports?status=failed"')
  })

  test('gets no answer from the API, no asset of Bull Board, and can change nothing', async () => {
    const visitor = (await openBoard(await redis.connect())).visitor()
    expect((await visitor.ask(api)).status).toBe(401)
    expect((await visitor.ask('/queues/static/js/main.js')).status).toBe(401)
    await visitor.open('/login')
    expect((await visitor.act('/queues/exports/pause')).status).toBe(401)
    expect((await visitor.ask('/')).status).toBe(401)
  })

  test('is told in words, never with a stack', async () => {
    const board = await openBoard(await redis.connect())
    const answer = await board.visitor().ask(api)
    expect(JSON.parse(answer.text).message).toMatch(/^Nobody is logged in/)
    expect(answer.text).not.toMatch(/\.ts|at /)
  })
})

describe('a login', () => {
  test('opens the board, and a logout closes it for good', async () => {
    const board = await openBoard(await redis.connect())
    const visitor = board.visitor()
    const answer = await visitor.logIn()
    expect([answer.status, answer.headers.location]).toEqual([303, '/queues'])
    expect((await visitor.open('/')).text).toContain('<h1 class="headline">')
    expect((await visitor.open('/queues')).text).toContain('<div id="root">')
    expect((await visitor.ask(api)).status).toBe(200)
    const stolen = new Map(visitor.cookies)

    const page = await visitor.open('/logout')
    const token = /name="_csrf" value="([^"]+)"/.exec(page.text)![1]!
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const out = await visitor.ask('/logout', { method: 'POST', headers: form, body: `_csrf=${token}` })
    expect([out.status, out.headers.location]).toEqual([303, '/login'])
    for (const [name, value] of stolen) visitor.cookies.set(name, value)
    expect((await visitor.ask(api)).status).toBe(401)
    expect(board.logs.lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['logged in', 'logged out']))
  })

  test.each([
    ['a wrong password', { ...operator, password: 'wrong horse battery' }],
    ['a wrong name', { ...operator, username: 'somebody' }],
    ['nothing', { username: '', password: '' }],
    ['the beginning of the password', { ...operator, password: 'correct' }],
  ])('with %s is refused, and no password is in the log', async (_, login) => {
    const board = await openBoard(await redis.connect())
    const visitor = board.visitor()
    const answer = await visitor.logIn(login)
    expect(answer.status).toBe(401)
    expect(answer.text).toContain('The user name or the password is wrong.')
    expect((await visitor.ask(api)).status).toBe(401)
    expect(board.logs.text()).toContain('a wrong login')
    if (login.password) expect(board.logs.text()).not.toContain(login.password)
    expect(answer.text).not.toContain(operator.password)
  })

  test('needs the token of its own page', async () => {
    const visitor = (await openBoard(await redis.connect())).visitor()
    await visitor.open('/login')
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' }
    const body = new URLSearchParams(operator).toString()
    const answer = await visitor.ask('/login', { method: 'POST', headers, body })
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('Load the page anew')
  })

  test('gives a new session id, so that one that was known before is worth nothing', async () => {
    const board = await openBoard(await redis.connect())
    const visitor = board.visitor()
    await visitor.logIn()
    const first = visitor.cookies.get('cvat-backups-board')!
    const again = board.visitor()
    again.cookies.set('cvat-backups-board', first)
    await (await visitor.open('/logout')).status
    again.cookies.set('cvat-backups-board', 's%3Amade-up.signature')
    await again.logIn()
    expect(again.cookies.get('cvat-backups-board')).not.toMatch(/made-up/)
    expect(again.cookies.get('cvat-backups-board')).not.toBe(first)
  })

  test.each(['https://evil.example', '//evil.example/x', '/\\evil.example', 'javascript:alert(1)', '/logout'])(
    'leads to no other place: %s',
    async (next) => {
      const visitor = (await openBoard(await redis.connect())).visitor()
      const page = await visitor.open(`/login?next=${encodeURIComponent(next)}`)
      expect(page.text).toContain('name="next" value="/"')
    },
  )
})

describe('a session', () => {
  test('is held by cookies that scripts and other sites cannot use', async () => {
    const visitor = (await openBoard(await redis.connect())).visitor()
    const [cookie] = (await visitor.logIn()).headers['set-cookie']!
    expect(cookie).toMatch(/^cvat-backups-board=s%3A[\w%.-]+; Path=\/; HttpOnly; SameSite=Strict$/)
  })

  test('has Secure cookies and HSTS when the board is reached over TLS', async () => {
    const publicUrl = new URL('https://backups.example.com')
    const visitor = (await openBoard(await redis.connect(), { publicUrl })).visitor()
    const answer = await visitor.logIn()
    const page = await visitor.open('/queues')
    expect(answer.headers['set-cookie']?.[0]).toContain('; Secure')
    expect(page.headers['set-cookie']?.[0]).toMatch(/^XSRF-TOKEN=.*; Secure; SameSite=Strict/)
    expect(page.headers['strict-transport-security']).toMatch(/^max-age=/)
  })

  test('is shared by replicas and outlives a restart of the board', async () => {
    const connection = await redis.connect()
    const first = await openBoard(connection)
    const second = await openBoard(await redis.connect(connection.prefix))
    const visitor = first.visitor()
    await visitor.logIn()
    await visitor.open('/queues')
    const elsewhere = second.visitor()
    for (const [name, value] of visitor.cookies) elsewhere.cookies.set(name, value)
    expect((await elsewhere.ask(api)).status).toBe(200)
    expect((await elsewhere.act('/queues/exports/pause')).status).toBe(200)
    await first.close()
    expect((await elsewhere.ask(api)).status).toBe(200)
  })

  test('ends when the configured password or name changes', async () => {
    const connection = await redis.connect()
    const visitor = (await openBoard(connection)).visitor()
    await visitor.logIn()
    const expectEnded = async (login: { username: string; password: string }) => {
      const changed = (await openBoard(await redis.connect(connection.prefix), login)).visitor()
      for (const [name, value] of visitor.cookies) changed.cookies.set(name, value)
      expect((await changed.ask(api)).status).toBe(401)
    }
    await expectEnded({ ...operator, password: 'another password' })
    await visitor.logIn()
    await expectEnded({ ...operator, username: 'another' })
  })

  test('ends after its longest time, however busy it is', async () => {
    let now = Date.now()
    const limits = { sessionMs: 1_000 }
    const visitor = (await openBoard(await redis.connect(), { now: () => now, limits })).visitor()
    await visitor.logIn()
    now += 999
    expect((await visitor.ask(api)).status).toBe(200)
    now += 1
    expect((await visitor.ask(api)).status).toBe(401)
    now -= 1_000
    expect((await visitor.ask(api)).status).toBe(401)
  })

  test('ends when nothing is asked for a while, and not before', async () => {
    const connection = await redis.connect()
    const limits = { sessionIdleMs: 60_000 }
    const visitor = (await openBoard(connection, { limits })).visitor()
    await visitor.logIn()
    const [key] = await connection.redis.keys(`${connection.prefix}:board:session:*`)
    expect(await connection.redis.pttl(key!)).toBeGreaterThan(50_000)
    await connection.redis.pexpire(key!, 20_000)
    expect((await visitor.ask(api)).status).toBe(200)
    expect(await connection.redis.pttl(key!)).toBeGreaterThan(50_000)
    await connection.redis.pexpire(key!, 1)
    // Asked for before it is over, it would be prolonged.
    await waitFor('the session to end', async () => (await connection.redis.exists(key!)) === 0)
    expect((await visitor.ask(api)).status).toBe(401)
  })

  test('of which Redis holds no id and no password, and nobody is in it who did not log in', async () => {
    const connection = await redis.connect()
    const board = await openBoard(connection)
    await board.visitor().open('/login')
    expect(await connection.redis.keys(`${connection.prefix}:board:session:*`)).toEqual([])
    const visitor = board.visitor()
    await visitor.logIn()
    const id = decodeURIComponent(visitor.cookies.get('cvat-backups-board')!).slice(2).split('.')[0]!
    const keys = await connection.redis.keys(`${connection.prefix}:board:*`)
    const values = await Promise.all(keys.map((key) => connection.redis.get(key)))
    const held = JSON.stringify([keys, values])
    expect(held).not.toContain(id)
    expect(held).not.toContain(operator.password)
    expect(held).toContain('fingerprint')
  })

  test('does not come back through a request that was under way at the logout', async () => {
    const connection = await redis.connect()
    const visitor = (await openBoard(connection)).visitor()
    await visitor.logIn()
    const page = await visitor.open('/logout')
    const token = /name="_csrf" value="([^"]+)"/.exec(page.text)![1]!
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const busy = Array.from({ length: 10 }, () => visitor.ask(api, { headers: { cookie } }))
    await visitor.ask('/logout', { method: 'POST', headers, body: `_csrf=${token}` })
    await Promise.all(busy)
    expect(await connection.redis.keys(`${connection.prefix}:board:session:*`)).toEqual([])
  })

  test('is lost with an emptied Redis, and a new login works at once', async () => {
    const connection = await redis.connect()
    const visitor = (await openBoard(connection)).visitor()
    await visitor.logIn()
    await connection.redis.del(...(await connection.redis.keys(`${connection.prefix}:board:*`)))
    expect((await visitor.ask(api)).status).toBe(401)
    expect((await visitor.logIn()).status).toBe(303)
    expect((await visitor.ask(api)).status).toBe(200)
  })
})

describe('wrong logins', () => {
  const wrong = { ...operator, password: 'wrong horse battery' }

  test('are no longer looked at after some, over all replicas, and the right one neither', async () => {
    const connection = await redis.connect()
    const limits = { wrongLogins: 3, loginWindowMs: 60_000 }
    const boards = [
      await openBoard(connection, { limits }),
      await openBoard(await redis.connect(connection.prefix), { limits }),
    ]
    const logIn = async (index: number, login: typeof wrong | typeof operator) =>
      (await boards[index]!.visitor().logIn(login)).status
    expect([await logIn(0, wrong), await logIn(1, wrong), await logIn(0, wrong)]).toEqual([401, 401, 401])
    expect(await logIn(1, wrong)).toBe(429)
    expect(await logIn(0, operator)).toBe(429)
    expect(boards[0]!.logs.text()).toContain('too many wrong logins')
  })

  test('say when to come back, and a session that is open goes on', async () => {
    const board = await openBoard(await redis.connect(), { limits: { wrongLogins: 1, loginWindowMs: 60_000 } })
    const inside = board.visitor()
    await inside.logIn()
    await board.visitor().logIn(wrong)
    const refused = await board.visitor().logIn(wrong)
    expect(refused.status).toBe(429)
    expect(refused.text).toContain('Try again in 1 minutes at the latest')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await inside.ask(api)).status).toBe(200)
  })

  test('are forgotten when the window is over', async () => {
    const board = await openBoard(await redis.connect(), { limits: { wrongLogins: 1, loginWindowMs: 500 } })
    await board.visitor().logIn(wrong)
    await waitFor('the window to be over', async () => (await board.visitor().logIn()).status === 303)
  })

  test('do not count right ones', async () => {
    const board = await openBoard(await redis.connect(), { limits: { wrongLogins: 2 } })
    for (let i = 0; i < 5; i++) {
      const { status } = await board.visitor().logIn()
      expect(status).toBe(303)
    }
  })

  test('count by the address that a trusted proxy names, and by nothing that a visitor makes up', async () => {
    const limits = { wrongLogins: 1 }
    const behind = await openBoard(await redis.connect(), { limits, trusted: '127.0.0.1' })
    const from = (address: string) => ({ 'x-forwarded-for': address })
    expect((await behind.visitor().logIn(wrong, '', from('203.0.113.7'))).status).toBe(401)
    expect((await behind.visitor().logIn(wrong, '', from('203.0.113.7'))).status).toBe(429)
    expect((await behind.visitor().logIn(wrong, '', from('198.51.100.9, 203.0.113.7'))).status).toBe(429)
    expect((await behind.visitor().logIn(wrong, '', from('203.0.113.8'))).status).toBe(401)

    const direct = await openBoard(await redis.connect(), { limits })
    expect((await direct.visitor().logIn(wrong, '', from('203.0.113.7'))).status).toBe(401)
    expect((await direct.visitor().logIn(wrong, '', from('203.0.113.8'))).status).toBe(429)
  })
})
