// Sessions in Redis, under the prefix: replicas share them and a restart keeps them. The key is a hash of the session's
// id, so that whoever can read Redis cannot pretend to be logged in.

import { createHash } from 'node:crypto'
import { type SessionData, Store } from 'express-session'
import type { QueueConnection } from '#shared/queues/open-queue.ts'

/**
 * Each look at a session prolongs it. There is no `touch`: express-session would write a session at the end of each request,
 * also of one that was under way while somebody logged out, and so bring it back.
 */
export class SessionStore extends Store {
  readonly #connection: QueueConnection
  readonly #idleMs: number

  constructor(connection: QueueConnection, idleMs: number) {
    super()
    this.#connection = connection
    this.#idleMs = idleMs
  }

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const { redis } = this.#connection
    const key = this.#key(id)
    redis
      .multi()
      .get(key)
      .pexpire(key, this.#idleMs)
      .exec()
      .then((answers) => parse(answers?.[0]?.[1]))
      .then(
        (session) => callback(null, session),
        (error: unknown) => callback(error),
      )
  }

  override set(id: string, session: SessionData, callback?: (error?: unknown) => void): void {
    this.#connection.redis.set(this.#key(id), JSON.stringify(session), 'PX', this.#idleMs).then(
      () => callback?.(),
      (error: unknown) => callback?.(error),
    )
  }

  override destroy(id: string, callback?: (error?: unknown) => void): void {
    this.#connection.redis.del(this.#key(id)).then(
      () => callback?.(),
      (error: unknown) => callback?.(error),
    )
  }

  #key(id: string): string {
    return `${this.#connection.prefix}:board:session:${createHash('sha256').update(id).digest('base64url')}`
  }
}

function parse(text: unknown): SessionData | null {
  return typeof text === 'string' ? (JSON.parse(text) as SessionData) : null
}
