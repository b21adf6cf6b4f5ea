// One place that turns a Redis address into a connection, for BullMQ and for our own scripts.

import { Cluster, Redis } from 'ioredis'
import { parseRedisAddress } from '#shared/config/redis-address.ts'
import { describeRedisError, isLastingRedisError } from './explain-redis-error.ts'
import { planCluster, planConnection, type RedisAddress } from './redis-options.ts'

/** Both have the same commands. On a Cluster a command, a transaction and a script may have keys of one hash slot only. */
export type RedisClient = Redis | Cluster

/**
 * An answer may take this long before the connection is taken for dead. Above the ten seconds that BullMQ lets a command
 * wait for a job at the server.
 */
const SILENT_MS = 30_000

/**
 * Connects and waits until Redis answers; the connection then reconnects by itself for as long as it lives, to the new
 * master after a fail-over, and commands wait for that. The caller closes it with `quit` or `disconnect`.
 *
 * @throws BackupError `redis-unreachable` when nothing answers within `timeoutMs`; at once `redis-login`,
 *   `redis-certificate`, `redis-address` when waiting is of no use. The message never holds a password.
 */
export async function connectRedis(
  address: RedisAddress,
  timeoutMs = 10_000,
  silentMs = SILENT_MS,
): Promise<RedisClient> {
  const redis = createClient(address, silentMs)
  let lastError: unknown
  const lasting = new Promise<never>((_, reject) => {
    redis.on('error', (error) => {
      lastError = error
      if (isLastingRedisError(error)) reject(error)
    })
    redis.on('sentinelError', (error) => {
      lastError = error
    })
  })
  lasting.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lastError), timeoutMs)
  })
  try {
    await Promise.race([untilUsable(redis), lasting, late])
    return redis
  } catch (error) {
    redis.disconnect()
    throw describeRedisError(describeAddress(address), error ?? lastError)
  } finally {
    clearTimeout(timer)
  }
}

/** The address without its password, for messages. */
export function describeAddress(address: RedisAddress): string {
  return address.url.replace(/\/\/[^@/]*@/, '//***@')
}

function createClient(address: RedisAddress, silentMs: number): RedisClient {
  const parsed = parseRedisAddress(address.url)
  if (parsed.kind !== 'cluster') return new Redis(planConnection(address, parsed, silentMs))
  const { nodes, options } = planCluster(address, parsed, silentMs)
  return new Cluster(nodes, options)
}

async function untilUsable(redis: RedisClient): Promise<void> {
  // A first try that fails is not the last one: commands wait for a connection.
  await redis.connect().catch(() => undefined)
  await redis.ping()
  const info = await redis.info('server')
  if (redis instanceof Cluster) return
  // A plain connection to such a server works until it is asked for a key that another node has.
  const mode = /^(?:redis|server)_mode:(cluster|sentinel)/m.exec(info)?.[1]
  if (mode) throw new Error(`redis_mode:${mode}`)
}
