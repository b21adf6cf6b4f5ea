// A random secret in Redis that signs the board's cookies: the same for all replicas, and it outlives a restart. Not made
// from the password: whoever has a signed cookie could try passwords against it at leisure.

import { randomBytes } from 'node:crypto'
import type { QueueConnection } from '#shared/queues/open-queue.ts'

export interface BoardSecret {
  /** Always one element, replaced in place: libraries take a list and keep it. */
  readonly current: string[]
  /** Looks again, at most every few seconds: an emptied Redis has another secret. */
  refresh(): Promise<void>
}

const LOOK_AGAIN_MS = 5_000

export function openBoardSecret({ redis, prefix }: QueueConnection): BoardSecret {
  const key = `${prefix}:board:secret`
  const current: string[] = []
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return {
    current,
    async refresh() {
      if (performance.now() - lookedAtMs < LOOK_AGAIN_MS) return
      await redis.set(key, randomBytes(32).toString('base64url'), 'NX')
      const secret = await redis.get(key)
      if (secret === null) throw new Error('Redis did not keep the secret of the board')
      current[0] = secret
      lookedAtMs = performance.now()
    },
  }
}
