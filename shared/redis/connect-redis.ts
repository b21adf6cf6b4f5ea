// One place that turns a Redis address into a connection, for BullMQ and for our own scripts.

import { Cluster, Redis } from 'ioredis'
import { type ParsedRedisAddress, parseRedisAddress } from '#shared/config/redis-address.ts'
import { describeRedisError, isLastingRedisError } from './explain-redis-error.ts'
import { findHandshakeError } from './find-handshake-error.ts'
import { LastingCluster } from './lasting-cluster.ts'
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
 * @param silentMs how long an answer may take before the connection is taken for dead and made anew
 * @throws BackupError `redis-unreachable` when nothing answers within `timeoutMs`; at once `redis-login`,
 *   `redis-certificate`, `redis-address` when waiting is of no use. The message never holds a password.
 */
export async function connectRedis(
  address: RedisAddress,
  timeoutMs = 10_000,
  silentMs = SILENT_MS,
): Promise<RedisClient> {
  const parsed = parseRedisAddress(address.url)
  const redis = createClient(address, parsed, silentMs)
  let lastError: unknown
  let timer: NodeJS.Timeout | undefined
  const trouble = new Promise<never>((_, reject) => {
    const note = (error: unknown) => {
      // Says less than what its Sentinels said one by one.
      const isSummary = error instanceof Error && error.message.startsWith('All sentinels are unreachable')
      if (!isSummary || lastError === undefined) lastError = error
      if (isLastingRedisError(error)) reject(error)
    }
    redis.on('error', note)
    // One Sentinel of several may be down or strange: as long as another answers that is no matter.
    redis.on('sentinelError', (error) => {
      lastError = error
    })
    if ('nodes' in parsed && parsed.tls) {
      const look = async () => {
        const error = await findHandshakeError(parsed.nodes[0]!, address)
        if (error) note(error)
      }
      redis.once(parsed.kind === 'cluster' ? 'error' : 'sentinelError', () => void look())
    }
    if (redis instanceof Cluster) {
      redis.on('connect', () => {
        lastError = new Error('cluster_state:fail')
      })
    }
    timer = setTimeout(() => reject(lastError), timeoutMs)
  })
  trouble.catch(() => undefined)
  try {
    await Promise.race([untilUsable(redis), trouble])
    return redis
  } catch (error) {
    redis.disconnect()
    throw describeRedisError(describeAddress(address), error)
  } finally {
    clearTimeout(timer)
  }
}

/** The address without its password, for messages. */
export function describeAddress(address: RedisAddress): string {
  return address.url.replace(/\/\/[^@/]*@/, '//***@')
}

function createClient(address: RedisAddress, parsed: ParsedRedisAddress, silentMs: number): RedisClient {
  if (parsed.kind !== 'cluster') return new Redis(planConnection(address, parsed, silentMs))
  const { nodes, options } = planCluster(address, parsed, silentMs)
  return new LastingCluster(nodes, options)
}

async function untilUsable(redis: RedisClient): Promise<void> {
  // A first try that fails is not the last one, and for a Cluster that is not complete yet it never ends: the commands
  // wait for a connection.
  redis.connect().catch(() => undefined)
  await redis.ping()
  const info = await redis.info('server')
  if (redis instanceof Cluster) return
  // A plain connection to such a server works until it is asked for a key that another node has.
  const mode = /^(?:redis|server)_mode:(cluster|sentinel)/m.exec(info)?.[1]
  if (mode) throw new Error(`redis_mode:${mode}`)
}
