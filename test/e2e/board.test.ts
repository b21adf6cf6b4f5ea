// The board as people start it: with `serve`, and as a process of its own.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { allQueues } from '#shared/queues/all-queues.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { openInstallation } from '../support/installation.ts'
import type { ProductProcess } from '../support/product-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { smallWorld } from '../support/small-world.ts'

expectNoLeaks()

const json = { LOG_FORMAT: 'json', CVAT_BACKUP_SCHEDULE_FILE: '' }

async function addressOf(process: ProductProcess): Promise<string> {
  await process.says('board is ready')
  return /"address":"(http:[^"]+)"/.exec(process.output())![1]!
}

test('`serve` brings the board for this machine, and stops with it', async () => {
  const server = await openInstallation({ world: smallWorld() })
  const serve = server.start(['serve'], { ...json, BOARD_PORT: '0' })
  const address = await addressOf(serve)
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  await serve.says('all services are ready')
  const answer = await fetch(`${address}/queues/api/queues`, { headers: { connection: 'close' } })
  const { queues } = (await answer.json()) as { queues: { name: string }[] }
  expect(queues.map(({ name }) => name)).toEqual(Object.keys(allQueues))
  expect(serve.output()).toContain('the board asks for no login, so only this machine can reach it')
  serve.kill('SIGTERM')
  expect(await serve.ended).toMatchObject({ code: 0, stderr: '' })
})

test('`serve` without the board has none', async () => {
  const server = await openInstallation({ world: smallWorld() })
  const serve = server.start(['serve'], { ...json, BOARD_PORT: 'off' })
  await serve.says('all services are ready')
  expect(serve.output()).not.toContain('board')
  serve.kill('SIGTERM')
  expect(await serve.ended).toMatchObject({ code: 0 })
})

test('`serve` whose port is taken says so, names BOARD_PORT, and begins nothing', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const server = await openInstallation({ world: smallWorld() })
  const serve = server.start(['serve'], { ...json, BOARD_PORT: String(port) })
  const ended = await serve.ended
  expect(ended.code).toBe(2)
  expect(ended.stderr).toContain(`the board cannot listen on 127.0.0.1 port ${port}: another program has this port`)
  expect(ended.stderr).toContain('Set BOARD_PORT to a port that is free, or to `off`')
  expect(ended.stdout).not.toContain('is ready')
})

test('a board of its own needs no login at CVAT and none of its settings, and hides its password', async () => {
  await using redis = await startRedis()
  const server = await openInstallation({ world: smallWorld(), env: { REDIS_URL: redis.address.url } })
  const password = 'planted-Secret-7Q'
  const settings = { BOARD_PORT: '0', BOARD_USERNAME: 'ops', BOARD_PASSWORD: password, BOARD_HOST: '0.0.0.0' }
  const noCvat = { CVAT_URL: '', CVAT_USERNAME: '', CVAT_PASSWORD: '' }
  const board = server.startService('board', { ...json, ...settings, ...noCvat, LOG_LEVEL: 'trace' })
  const address = (await addressOf(board)).replace('0.0.0.0', '127.0.0.1')
  const answer = await fetch(`${address}/queues/api/queues`, { headers: { connection: 'close' } })
  expect(answer.status).toBe(401)
  board.kill('SIGTERM')
  expect(await board.ended).toMatchObject({ code: 0, stderr: '' })
  expect(board.output()).not.toContain(password)
})

test('a board of its own that is turned off, or whose settings contradict each other, ends with what to do', async () => {
  await using redis = await startRedis()
  const server = await openInstallation({ world: smallWorld(), env: { REDIS_URL: redis.address.url } })
  const off = await server.startService('board', { BOARD_PORT: 'off' }).ended
  expect(off).toMatchObject({ code: 2, stderr: expect.stringContaining('Set BOARD_PORT to a port') })
  const faults = await server.startService('board', {
    BOARD_PORT: '99999',
    BOARD_USERNAME: 'ops',
    BOARD_PROXY_USER_HEADER: 'X-User',
    BOARD_PUBLIC_URL: 'example.com',
    BOARD_READONLY: 'true',
  }).ended
  expect(faults.code).toBe(2)
  expect(faults.stderr).toContain('- BOARD_PORT ("99999") is not a port from 0 to 65535')
  expect(faults.stderr).toContain('- BOARD_USERNAME is set, but BOARD_PASSWORD is not.')
  expect(faults.stderr).toContain('- BOARD_PROXY_USER_HEADER is set, but BOARD_TRUSTED_PROXIES is not.')
  expect(faults.stderr).toContain('- BOARD_PUBLIC_URL ("example.com") is not an http or https address')
  expect(faults.stderr).toContain(
    '- BOARD_READONLY is not known; perhaps BOARD_READ_ONLY is meant. Rename or remove it.',
  )
})
