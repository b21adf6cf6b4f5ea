import { expect, onTestFinished, test, vi } from 'vitest'
import { openQueue } from '#shared/queues/open-queue.ts'
import { sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { startRedisProcess } from '../../support/local-redis.ts'
import { waitFor } from '../../support/wait-for.ts'

test('a password that is no longer good is not printed, and works again when it is', async () => {
  const password = 'good-until-noon'
  await using server = await startRedisProcess({ lines: [`requirepass ${password}`], login: { password } })
  const redis = await connectRedis({ url: `redis://127.0.0.1:${server.port}`, password })
  const printed = vi.spyOn(console, 'error')
  onTestFinished(() => printed.mockRestore())
  const errors: Error[] = []
  redis.on('error', (error) => errors.push(error))
  const queue = openQueue(sweepsQueue, { redis, prefix: '{refused}' })
  await queue.add({ name: 'before', payload: {} })
  await redis.config('SET', 'requirepass', 'another')
  await redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined)
  await waitFor('the login to be refused', () => errors.some(({ message }) => message.includes('WRONGPASS')))
  await server.stop()
  await server.start()
  await waitFor('the queue to work again', () => queue.add({ name: 'after', payload: {} }).then(() => true))
  expect(printed.mock.calls).toEqual([])
  await queue.close()
  redis.disconnect()
})
