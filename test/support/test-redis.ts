// What tests want of a Redis, wherever it runs.

import type { NetConnectOpts } from 'node:net'
import type { RedisAddress } from '#shared/redis/redis-options.ts'

export interface TestRedis extends AsyncDisposable {
  readonly address: RedisAddress
  /** The same for a socket. */
  readonly endpoint: NetConnectOpts
  /** Ends it as a power cut does, unless told otherwise. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same address; with its append-only file unless `empty`. */
  start(options?: { readonly empty?: boolean }): Promise<void>
  close(): Promise<void>
}

/** What every Redis of the tests is told besides where to listen. */
export const testRedisArguments = ['--save', '', '--appendonly', 'yes', '--loglevel', 'warning'] as const
