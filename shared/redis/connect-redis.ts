// One place that turns a Redis address into a connection, for BullMQ and for our own scripts.

import { Redis, type RedisOptions } from 'ioredis'
import { BackupError } from '#shared/errors/backup-error.ts'

export interface RedisAddress {
  /** `redis://`, `rediss://` or `unix:/path/to/socket`. */
  readonly url: string
  /** Overrides a password inside the address. */
  readonly password?: string | undefined
}

/**
 * Connects and waits until Redis answers; the connection then reconnects by itself for as long as it lives.
 * The caller closes it with `quit` or `disconnect`.
 *
 * @throws BackupError `redis-unreachable` when nothing answers within `timeoutMs`. The message never holds the password.
 */
export async function connectRedis(address: RedisAddress, timeoutMs = 10_000): Promise<Redis> {
  const options: RedisOptions = { ...redisOptions(address), lazyConnect: true }
  const redis = new Redis(options)
  let lastError: unknown
  redis.on('error', (error) => {
    lastError = error
  })
  const timer = setTimeout(() => redis.disconnect(), timeoutMs)
  try {
    await redis.connect().catch(() => waitUntilReady(redis, timeoutMs))
    await redis.ping()
    return redis
  } catch (error) {
    redis.disconnect()
    throw new BackupError(`Redis at ${describeAddress(address)} does not answer`, {
      code: 'redis-unreachable',
      retryable: true,
      hint: 'Check REDIS_URL and REDIS_PASSWORD, and that the Redis server runs and can be reached from here.',
      cause: lastError ?? error,
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Options for ioredis: never gives up on a command (BullMQ wants that), reconnects within two seconds. */
function redisOptions(address: RedisAddress): RedisOptions {
  const common: RedisOptions = {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2_000),
    ...(address.password ? { password: address.password } : {}),
  }
  const socket = /^(?:redis\+)?unix:(?:\/\/)?(\/.+)$/.exec(address.url)
  if (socket) return { ...common, path: socket[1]! }
  const url = new URL(address.url)
  const database = Number(url.pathname.slice(1))
  return {
    ...common,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port ? Number(url.port) : 6379,
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password && !address.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(Number.isInteger(database) && database > 0 ? { db: database } : {}),
    ...(url.protocol === 'rediss:' ? { tls: { servername: url.hostname } } : {}),
  }
}

/** The address without its password, for messages. */
export function describeAddress(address: RedisAddress): string {
  return address.url.replace(/\/\/[^@/]*@/, '//***@')
}

function waitUntilReady(redis: Redis, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timed out')), timeoutMs)
    redis.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
    redis.once('end', () => {
      clearTimeout(timer)
      reject(new Error('connection ended'))
    })
  })
}
