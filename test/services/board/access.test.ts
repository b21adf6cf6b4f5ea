// Login by a proxy, no login at all, and where the board listens.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chooseHost } from '#services/board/choose-host.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { startRedis, useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openBoard, openToAll, operator } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const api = '/queues/api/queues'

describe('a user named by a proxy', () => {
  const byProxy = { ...openToAll, proxyUserHeader: 'X-Forwarded-User' }

  test('is let in from a trusted address, and named in the log of what they do', async () => {
    const board = await openBoard(await redis.connect(), { ...byProxy, trusted: '127.0.0.0/8' })
    const visitor = board.visitor()
    const user = { 'x-forwarded-user': 'Ada' }
    expect((await visitor.open('/queues', user)).status).toBe(200)
    expect((await visitor.act('/queues/exports/pause', '', user)).status).toBe(200)
    expect(board.logs.lines).toContainEqual(
      expect.objectContaining({ user: 'Ada', how: 'proxy', action: 'exports/pause' }),
    )
  })

  test.each([
    ['another address', { trusted: '192.0.2.1' }, { 'x-forwarded-user': 'Ada' }],
    [
      'another address, whatever it says of itself',
      { trusted: '192.0.2.1' },
      { 'x-forwarded-user': 'Ada', 'x-forwarded-for': '192.0.2.1' },
    ],
    ['the trusted address without a name', { trusted: '127.0.0.1' }, {}],
    ['the trusted address with an empty name', { trusted: '127.0.0.1' }, { 'x-forwarded-user': ' ' }],
  ])('is not believed from %s', async (_, { trusted }, headers) => {
    const visitor = (await openBoard(await redis.connect(), { ...byProxy, trusted })).visitor()
    const answer = await visitor.open('/queues', headers)
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('BOARD_PROXY_USER_HEADER')
    expect((await visitor.ask(api, { headers })).status).toBe(403)
  })

  test("cannot use another user's token", async () => {
    const visitor = (await openBoard(await redis.connect(), { ...byProxy, trusted: '127.0.0.1' })).visitor()
    await visitor.open('/queues', { 'x-forwarded-user': 'Ada' })
    const headers = { 'x-forwarded-user': 'Ada' }
    expect((await visitor.act('/queues/exports/pause', '', { ...headers })).status).toBe(200)
    expect((await visitor.act('/queues/exports/resume', '', { 'x-forwarded-user': 'Eve' })).status).toBe(403)
  })

  test('may log in by password where the proxy names nobody', async () => {
    const settings = { proxyUserHeader: 'X-Forwarded-User', trusted: '127.0.0.1' }
    const visitor = (await openBoard(await redis.connect(), settings)).visitor()
    expect((await visitor.open('/queues')).status).toBe(303)
    expect((await visitor.logIn()).status).toBe(303)
    expect((await visitor.ask(api)).status).toBe(200)
    expect((await visitor.ask(api, { headers: { 'x-forwarded-user': 'Ada' } })).status).toBe(200)
  })
})

describe('a board that asks for no login', () => {
  test('listens on this machine only, whatever BOARD_HOST says, and says so with the fix', async () => {
    const board = await openBoard(await redis.connect(), { ...openToAll, host: '0.0.0.0' })
    expect(board.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const said = board.logs.lines.find(({ level }) => level === 'warn')
    expect(said).toMatchObject({
      msg: 'the board asks for no login: BOARD_HOST does not count, only this machine can reach it',
      BOARD_HOST: '0.0.0.0',
      hint: expect.stringContaining('BOARD_PASSWORD'),
    })
    expect((await board.visitor().ask(api)).status).toBe(200)
  })

  test.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])(
    'may listen on %s, another name of this machine',
    (host) => {
      expect(chooseHost({ ...openToAll, proxyUserHeader: undefined, host }, collectLogs().logger)).toBe(host)
    },
  )

  test.each(['0.0.0.0', '::', '10.1.2.3', 'board.example.com', '127.0.0.1.example.com', 'localhost.example.com'])(
    'never listens on %s',
    (host) => {
      expect(chooseHost({ ...openToAll, proxyUserHeader: undefined, host }, collectLogs().logger)).toBe('127.0.0.1')
    },
  )

  test('listens where it is told to once it asks for a login', () => {
    const { logger, lines } = collectLogs()
    expect(chooseHost({ ...operator, proxyUserHeader: undefined, host: '0.0.0.0' }, logger)).toBe('0.0.0.0')
    expect(chooseHost({ ...openToAll, proxyUserHeader: 'X-User', host: '::' }, logger)).toBe('::')
    expect(lines).toEqual([])
  })

  test('answers to its own names only: a foreign page cannot make its name point here', async () => {
    const publicUrl = new URL('http://backups.example.com')
    const visitor = (await openBoard(await redis.connect(), { ...openToAll, publicUrl })).visitor()
    const status = async (host: string) => (await visitor.ask(api, { headers: { host } })).status
    for (const host of ['127.0.0.1:3000', '[::1]:3000', 'localhost:3000', 'board:3000', 'backups.example.com']) {
      expect([host, await status(host)]).toEqual([host, 200])
    }
    for (const host of ['evil.example.com', 'backups.example.com.evil.com', 'localhost.evil.com']) {
      expect([host, await status(host)]).toEqual([host, 403])
    }
    const page = await visitor.open('/queues', { host: 'evil.example.com' })
    expect(page.text).toContain('BOARD_PUBLIC_URL')
  })

  test('has no login and no logout', async () => {
    const visitor = (await openBoard(await redis.connect(), openToAll)).visitor()
    expect((await visitor.open('/login')).status).toBe(404)
    expect((await visitor.open('/queues')).text).not.toContain('Log out')
  })
})

describe('below a path', () => {
  const publicUrl = new URL('https://example.com/backups/')

  test('everything is there, whether the proxy hands the path on or not', async () => {
    const visitor = (await openBoard(await redis.connect(), { publicUrl })).visitor()
    expect((await visitor.open('/backups/queues')).headers.location).toBe('/backups/login?next=%2Fbackups%2Fqueues')
    expect((await visitor.open('/queues')).headers.location).toBe('/backups/login?next=%2Fbackups%2Fqueues')
    const answer = await visitor.logIn(operator, '/backups')
    expect(answer.headers.location).toBe('/backups/queues')
    expect(answer.headers['set-cookie']?.[0]).toContain('Path=/backups;')
    for (const path of ['/backups/queues', '/queues']) {
      const page = await visitor.open(path)
      expect(page.text).toContain('<base href="/backups/queues/" />')
      expect(page.text).toContain('"url":"/backups/logout"')
    }
    expect((await visitor.ask(`/backups${api}`)).status).toBe(200)
    expect((await visitor.ask(api)).status).toBe(200)
    expect((await visitor.act('/queues/exports/pause', '/backups')).status).toBe(200)
    for (const path of ['/backups', '/']) {
      expect((await visitor.open(path)).text).toContain('<a href="/backups/runs">')
    }
    expect((await visitor.open('/backups/assets/board.css')).status).toBe(200)
  })
})

test('a port that another program has is a clear error with its fix, and nothing stays open', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await expect(openBoard(await redis.connect(), { port })).rejects.toMatchObject({
    code: 'configuration',
    message: `the board cannot listen on 127.0.0.1 port ${port}: another program has this port`,
    hint: 'Set BOARD_PORT to a port that is free, or to `off` to run without the board.',
  })
})

test('an address that this machine does not have is a clear error with its fix', async () => {
  await expect(openBoard(await redis.connect(), { host: '192.0.2.1' })).rejects.toMatchObject({
    code: 'configuration',
    hint: expect.stringContaining('BOARD_HOST'),
  })
})

test('while Redis is away visitors are told at once, and it goes on by itself afterwards', async () => {
  await using server = await startRedis()
  const client = await connectRedis(server.address)
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  const board = await openBoard({ redis: client, prefix: '{away}' })
  const visitor = board.visitor()
  await visitor.logIn()
  await server.stop()
  const answer = await waitFor('the loss to be noticed', async () => {
    const now = await visitor.ask(api)
    return now.status === 503 ? now : undefined
  })
  expect(answer.text).toContain('Redis does not answer')
  expect((await visitor.open('/login')).status).toBe(503)
  await server.start()
  await waitFor('the board to be back', async () => (await visitor.ask(api)).status === 200)
  await board.close()
})
