// A real redis-server for the tests of one file, on a unix socket in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'

export interface TestRedis extends AsyncDisposable {
  readonly address: RedisAddress
  readonly folder: string
  /** Ends it as a power cut does, unless told otherwise. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same address; with its append-only file unless `empty`. */
  start(options?: { readonly empty?: boolean }): Promise<void>
  close(): Promise<void>
}

export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-redis-'))
  const socket = join(folder, 'redis.sock')
  const address = { url: `unix:${socket}` }
  let child: ChildProcess | undefined

  const start: TestRedis['start'] = async ({ empty = false } = {}) => {
    if (empty) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true })
    const fixed = ['--port', '0', '--save', '', '--appendonly', 'yes', '--loglevel', 'warning']
    child = spawn('redis-server', [...fixed, '--unixsocket', socket, '--dir', folder], { stdio: 'ignore' })
    const probe = await connectRedis(address)
    probe.disconnect()
  }
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  const close = async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
  await start()
  return { address, folder, start, stop, close, [Symbol.asyncDispose]: close }
}

export interface FileRedis {
  readonly address: RedisAddress
  readonly server: TestRedis
  /** A connection with keys of its own, closed after the test. */
  connect(prefix?: string): Promise<QueueConnection>
}

let prefixes = 0

/** Starts a server before the tests of the calling file and stops it after them. */
export function useRedis(): FileRedis {
  let server: TestRedis | undefined
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await server?.close()
  })
  return {
    get address() {
      return server!.address
    },
    get server() {
      return server!
    },
    async connect(prefix = newPrefix()) {
      const redis = await connectRedis(server!.address)
      redis.on('error', () => undefined)
      onTestFinished(() => redis.disconnect())
      return { redis, prefix }
    },
  }
}

/** Keys of one test never meet those of another. */
export function newPrefix(): string {
  prefixes += 1
  return `{test-${process.pid}-${prefixes}}`
}
