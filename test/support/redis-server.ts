// A real Redis for the tests of one file: in a container where there is Docker, else a redis-server of this machine.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import type {} from './choose-redis.ts'
import { type TestRedis, testRedisArguments } from './test-redis.ts'

export type { TestRedis } from './test-redis.ts'

/** One of its own, which may be stopped and emptied. */
export async function startRedis(): Promise<TestRedis> {
  if (inject('redisWay') !== 'container') return startLocalRedis()
  const { startRedisContainer } = await import('./redis-container.ts')
  return startRedisContainer()
}

/** On a unix socket in a folder of its own. */
async function startLocalRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-redis-'))
  const socket = join(folder, 'redis.sock')
  const address = { url: `unix:${socket}` }
  let child: ChildProcess | undefined

  const start: TestRedis['start'] = async ({ empty = false } = {}) => {
    if (empty) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true })
    child = spawn('redis-server', [...testRedisArguments, '--port', '0', '--unixsocket', socket, '--dir', folder], {
      stdio: 'ignore',
    })
    const probe = await connectRedis(address)
    probe.disconnect()
  }
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  const close = async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
  await start()
  return { address, endpoint: { path: socket }, start, stop, close, [Symbol.asyncDispose]: close }
}

export interface FileRedis {
  readonly address: RedisAddress
  /** A connection with keys of its own, closed after the test. */
  connect(prefix?: string): Promise<QueueConnection>
}

/** For the tests of the calling file: there before them, and gone after them or shared with other files. */
export function useRedis(): FileRedis {
  let address: RedisAddress | undefined
  let own: TestRedis | undefined
  beforeAll(async () => {
    const shared = inject('sharedRedisUrl')
    own = shared === undefined ? await startLocalRedis() : undefined
    address = own?.address ?? { url: shared! }
  })
  afterAll(async () => {
    await own?.close()
  })
  return {
    get address() {
      return address!
    },
    connect: (prefix = newPrefix()) => connectTo(address!, prefix),
  }
}

/** A connection to this server with keys of its own, closed after the test. */
export async function connectTo(address: RedisAddress, prefix: string): Promise<QueueConnection> {
  const redis = await connectRedis(address)
  redis.on('error', () => undefined)
  onTestFinished(() => redis.disconnect())
  return { redis, prefix }
}

/** As an emptied Redis would be for whoever uses this connection; other files have keys in the same server. */
export async function removeKeys({ redis, prefix }: QueueConnection): Promise<void> {
  const keys = await redis.keys(`${prefix}*`)
  if (keys.length > 0) await redis.del(...keys)
}

/** Keys of one test never meet those of another. */
export function newPrefix(): string {
  return `{test-${randomBytes(6).toString('hex')}}`
}
