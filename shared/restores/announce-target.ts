// Which servers restores can be handed over for: each restorer says so in Redis for as long as it lives.

import type { Logger } from 'pino'
import type { QueueConnection } from '#shared/queues/open-queue.ts'

const KEPT_MS = 30_000
const AGAIN_MS = 10_000

export interface Announcement {
  close(): Promise<void>
}

export function announceTarget({ redis, prefix }: QueueConnection, url: string, logger: Logger): Announcement {
  const key = targetKey(prefix, url)
  const tell = () =>
    redis
      .multi()
      .set(key, '1', 'PX', KEPT_MS)
      .zadd(listKey(prefix), Date.now() + KEPT_MS, url)
      .exec()
      .catch((err) => logger.debug({ err }, 'the target was not told'))
  const first = tell()
  const timer = setInterval(() => void tell(), AGAIN_MS)
  return {
    async close() {
      clearInterval(timer)
      await first
    },
  }
}

/** Whether a restorer for this server was alive within the last half minute. */
export async function isTargetServed({ redis, prefix }: QueueConnection, url: string): Promise<boolean> {
  return (await redis.exists(targetKey(prefix, url))) === 1
}

/** All servers for which {@link isTargetServed} holds. */
export async function listServedTargets({ redis, prefix }: QueueConnection): Promise<string[]> {
  await redis.zremrangebyscore(listKey(prefix), 0, Date.now())
  return (await redis.zrange(listKey(prefix), 0, 99)).sort()
}

function listKey(prefix: string): string {
  return `${prefix}:restorers`
}

function targetKey(prefix: string, url: string): string {
  return `${prefix}:restorer:${url}`
}
