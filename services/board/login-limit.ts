// Passwords cannot be tried at leisure: wrong logins from one address are counted, over all replicas.

import type { RequestHandler } from 'express'
import { type Store as CountStore, rateLimit } from 'express-rate-limit'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { BoardLimits } from './board-limits.ts'

type Limits = Pick<BoardLimits, 'wrongLogins' | 'loginWindowMs'>

/**
 * Counts by `req.ip`: the address behind a proxy that is trusted, else that of the connection. Right logins do not count.
 * IPv6 addresses count by their /56, which is what one customer has.
 */
export function limitLogins(connection: QueueConnection, limits: Limits, refuse: RequestHandler): RequestHandler {
  return rateLimit({
    windowMs: limits.loginWindowMs,
    limit: limits.wrongLogins,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_req, res) => res.statusCode !== 401 && res.statusCode !== 429,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    store: countInRedis(connection, limits.loginWindowMs),
    handler: refuse,
    // A forwarded address from a proxy that is not trusted is no mistake of ours: it is not believed.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
  })
}

const INCREMENT = `
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { hits, redis.call('PTTL', KEYS[1]) }`

const DECREMENT = `
local hits = tonumber(redis.call('GET', KEYS[1]) or '0')
if hits > 0 then redis.call('DECR', KEYS[1]) end`

function countInRedis({ redis, prefix }: QueueConnection, windowMs: number): CountStore {
  const keyOf = (client: string) => `${prefix}:board:logins:${client}`
  return {
    localKeys: false,
    async increment(client) {
      const [totalHits, leftMs] = (await redis.eval(INCREMENT, 1, keyOf(client), windowMs)) as [number, number]
      return { totalHits, resetTime: new Date(Date.now() + leftMs) }
    },
    async decrement(client) {
      await redis.eval(DECREMENT, 1, keyOf(client))
    },
    async resetKey(client) {
      await redis.del(keyOf(client))
    },
  }
}
