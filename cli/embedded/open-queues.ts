// The Redis that a command works with: the one of REDIS_URL, that of a running `serve`, or one of its own.

import { setTimeout as sleep } from 'node:timers/promises'
import { redisAddress } from '#shared/config/redis.ts'
import { allQueues } from '#shared/queues/all-queues.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import type { AllSettings } from '../load-all-settings.ts'
import { socketAddress, startEmbeddedRedis } from './embedded-redis.ts'
import { type HolderCommand, prepareStateFolder, readHolder, tryToHold } from './state-folder.ts'

export interface Queues {
  readonly connection: QueueConnection
  /** True when nobody else serves these queues: the command must run the services itself. */
  readonly own: boolean
  close(): Promise<void>
}

const LOOK_AGAIN_MS = 500

/** Waits while another `backup` uses the embedded Redis; `onWait` is told once. */
export async function openQueues(
  { values }: AllSettings,
  command: HolderCommand,
  signal: AbortSignal,
  onWait: (message: string) => void,
): Promise<Queues> {
  const { prefix, stateDir } = values.redis
  const configured = redisAddress(values.redis)
  if (configured) return connectTo(configured, prefix, command === 'serve')
  const folder = await prepareStateFolder(stateDir, values.cvat.url, values.store.backupDir)
  for (let waited = false; ; waited = true) {
    const held = await tryToHold(folder, command)
    if (held) {
      try {
        const embedded = await startEmbeddedRedis(folder)
        const queues = await connectTo(embedded.address, prefix, true)
        await releaseDeadJobs(queues.connection)
        return {
          ...queues,
          async close() {
            await queues.close()
            await embedded.close()
            await held.release()
          },
        }
      } catch (error) {
        await held.release()
        throw error
      }
    }
    const holder = await readHolder(folder)
    if (holder === 'serve' && command === 'backup') {
      const served = await connectTo(socketAddress(folder), prefix, false).catch(() => undefined)
      if (served && (await hasServices(served.connection))) return served
      await served?.close()
    }
    if (!waited) onWait(`waiting: another cvat-backups${holder ? ` ${holder}` : ''} works on this backup directory`)
    await sleep(LOOK_AGAIN_MS, undefined, { signal })
  }
}

/** False while `serve` still starts, and after it was killed: its Redis outlives it. */
async function hasServices(connection: QueueConnection): Promise<boolean> {
  const runs = openQueue(allQueues.runs, connection)
  try {
    return (await runs.bull.getWorkersCount()) > 0
  } finally {
    await runs.close()
  }
}

/**
 * The holder of the folder is alone, so whoever had a job is dead. BullMQ would wait for the locks to expire and then for two
 * of its checks; so its first one, when a worker starts, finds these jobs without lock and already noted as stalled.
 */
async function releaseDeadJobs({ redis, prefix }: QueueConnection): Promise<void> {
  for (const { name } of Object.values(allQueues)) {
    const queue = `${prefix}:${name}`
    const active = await redis.lrange(`${queue}:active`, 0, -1)
    if (active.length === 0) continue
    await redis.del(`${queue}:stalled-check`, ...active.map((jobId) => `${queue}:${jobId}:lock`))
    await redis.sadd(`${queue}:stalled`, ...active)
  }
}

async function connectTo(address: RedisAddress, prefix: string, own: boolean): Promise<Queues> {
  const redis = await connectRedis(address)
  return { connection: { redis, prefix }, own, close: async () => redis.disconnect() }
}
