// The queues of services that run already: those of REDIS_URL, or of a `serve` on this machine. Starts nothing.

import { redisAddress } from '#shared/config/redis.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import type { loadRestoreSettings } from '../load-all-settings.ts'
import { socketAddress } from './embedded-redis.ts'
import { prepareStateFolder, readHolder } from './state-folder.ts'

export interface RunningQueues {
  readonly connection: QueueConnection
  close(): Promise<void>
}

type Settings = Pick<ReturnType<typeof loadRestoreSettings>, 'values' | 'source'>

/** Undefined where there are none, or none that answer: what was to be handed over is then done here. */
export async function findRunningQueues(settings: Settings): Promise<RunningQueues | undefined> {
  const { redis } = settings.values
  const address = redisAddress(redis) ?? (await findServed(settings))
  const client = address && (await connectRedis(address).catch(() => undefined))
  return client && { connection: { redis: client, prefix: redis.prefix }, close: async () => client.disconnect() }
}

/** The Redis of a `serve` that works on this backup directory. */
async function findServed({ values, source }: Settings): Promise<RedisAddress | undefined> {
  if (!source) return undefined
  const folder = await prepareStateFolder(values.redis.stateDir, source.url, values.store.backupDir).catch(
    () => undefined,
  )
  return folder && (await readHolder(folder)) === 'serve' ? socketAddress(folder) : undefined
}
