// Remembers for a while which calls were accepted, so that a recorded one cannot be played again and again.

import { createHash } from 'node:crypto'
import type { Once } from '#shared/coordination/changes.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'

/** Older events are refused by their date, so nothing has to be remembered for longer. */
export const REPLAY_WINDOW_MS = 24 * 3600_000

export interface SeenCalls {
  /** For whoever remembers it together with something else. */
  once(body: Buffer): Once
  /** False: these very bytes were accepted before. */
  remember(body: Buffer): Promise<boolean>
  /** The call was not taken after all. */
  forget(body: Buffer): Promise<void>
}

/** In Redis, for all listeners: some 100 bytes a call. */
export function openSeenCalls({ redis, prefix }: QueueConnection): SeenCalls {
  const keyOf = (body: Buffer) => `${prefix}:hooks:${createHash('sha256').update(body).digest('base64url')}`
  return {
    once: (body) => ({ key: keyOf(body), windowMs: REPLAY_WINDOW_MS }),
    remember: async (body) => (await redis.set(keyOf(body), '1', 'PX', REPLAY_WINDOW_MS, 'NX')) === 'OK',
    async forget(body) {
      await redis.del(keyOf(body))
    },
  }
}
