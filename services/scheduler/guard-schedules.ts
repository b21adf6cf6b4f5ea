// Sees to it that the schedule stays in Redis: one that was emptied, or restored from an old copy, has lost it, and would
// start no backup ever again without anybody being told.

import type { Logger } from 'pino'

export interface GuardDeps {
  readonly redis: {
    on(event: 'ready', listener: () => void): unknown
    off(event: 'ready', listener: () => void): unknown
  }
  readonly isKept: () => Promise<boolean>
  readonly keep: () => Promise<void>
  readonly logger: Pick<Logger, 'warn'>
}

/** For a Redis that is emptied without a lost connection, and for a Cluster, which does not tell of one node's. */
const LOOK_EVERY_MS = 30_000

/** Looks after each new connection and twice a minute, until it is closed. */
export function guardSchedules({ redis, isKept, keep, logger }: GuardDeps): { close(): void } {
  let isLooking = false
  const look = async () => {
    if (isLooking) return
    isLooking = true
    try {
      if (await isKept()) return
      await keep()
      logger.warn('Redis had lost the schedule: it was written anew')
    } catch (err) {
      logger.warn({ err }, 'the schedule in Redis could not be looked at; it will be tried again')
    } finally {
      isLooking = false
    }
  }
  const begin = () => void look()
  redis.on('ready', begin)
  const timer = setInterval(begin, LOOK_EVERY_MS)
  return {
    close() {
      redis.off('ready', begin)
      clearInterval(timer)
    },
  }
}
