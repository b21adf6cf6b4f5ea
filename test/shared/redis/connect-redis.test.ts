import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectRedis, describeAddress } from '#shared/redis/connect-redis.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { startRedis, useRedis } from '../../support/redis-server.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

describe('connecting', () => {
  test('answers once Redis does', async () => {
    const { redis: connection } = await redis.connect()
    expect(await connection.ping()).toBe('PONG')
  })

  test('to nothing gives up within the limit, without telling the password', async () => {
    const address = { url: 'redis://backup:hunter2@127.0.0.1:1/0', password: 'secret9' }
    const error = await connectRedis(address, 300).catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      code: 'redis-unreachable',
      retryable: true,
      hint: expect.stringContaining('REDIS_URL'),
    })
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hunter2|secret9/)
  })

  test('to something that accepts and says nothing gives up within the limit', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined).resume())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise<void>((resolve) => void silent.close(() => resolve())))
    const { port } = silent.address() as AddressInfo
    const startedAt = performance.now()
    await expect(connectRedis({ url: `redis://127.0.0.1:${port}` }, 300)).rejects.toMatchObject({
      code: 'redis-unreachable',
    })
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })

  test('waits for a Redis that comes up late', async () => {
    await using server = await startRedis()
    await server.stop()
    const connecting = connectRedis(server.address, 5_000)
    await server.start()
    const connection = await connecting
    expect(await connection.ping()).toBe('PONG')
    connection.disconnect()
  })

  test('lasts over a restart of the server, which has kept what was written', async () => {
    await using server = await startRedis()
    const connection = await connectRedis(server.address)
    connection.on('error', () => undefined)
    await connection.set('key', 'value')
    await server.stop('SIGTERM')
    await server.start()
    await waitFor('the connection to be back', async () => (await connection.get('key')) === 'value')
    connection.disconnect()
  })
})

test.each([
  ['redis://user:pass@host:6379/1', 'redis://***@host:6379/1'],
  ['rediss://:p%40ss@host', 'rediss://***@host'],
  ['redis://host:6379', 'redis://host:6379'],
  ['unix:/run/redis.sock', 'unix:/run/redis.sock'],
])('the address %s is shown as %s', (url, shown) => {
  expect(describeAddress({ url })).toBe(shown)
})
