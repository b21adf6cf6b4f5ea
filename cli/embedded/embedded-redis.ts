// A redis-server of our own, for a laptop or a sidecar: reached by a unix socket, its file in the state folder.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { BackupError } from '#shared/errors/backup-error.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import type { StateFolder } from './state-folder.ts'

export interface EmbeddedRedis {
  readonly address: RedisAddress
  /** Stops it; its append-only file keeps what was queued. */
  close(): Promise<void>
}

const START_WITHIN_MS = 15_000
const STOP_WITHIN_MS = 5_000

export function socketAddress(folder: StateFolder): RedisAddress {
  return { url: `unix:${folder.socket}` }
}

/**
 * Starts it for the holder of the folder. One left behind by a killed process is stopped first.
 *
 * @throws BackupError `redis-server-missing`, `redis-start`
 */
export async function startEmbeddedRedis(folder: StateFolder): Promise<EmbeddedRedis> {
  await stopLeftover(folder)
  const logFile = join(folder.path, 'redis.log')
  // Detached: Ctrl-C in a terminal goes to the whole process group, but Redis must outlive the handing back of jobs.
  const child = spawn('redis-server', redisArguments(folder, logFile), { stdio: 'ignore', detached: true })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(error)))
    child.once('exit', async (code) => reject(await exitedEarly(code, logFile)))
  })
  failed.catch(() => undefined)
  // Also at an exit by force: a server that nobody uses any more would hold on to its files.
  const onExit = () => child.kill('SIGTERM')
  process.once('exit', onExit)
  child.once('exit', () => process.off('exit', onExit))
  try {
    await Promise.race([untilReady(folder), failed])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { address: socketAddress(folder), close: () => stop(child) }
}

function redisArguments(folder: StateFolder, logFile: string): string[] {
  const options: Record<string, string> = {
    port: '0',
    unixsocket: folder.socket,
    unixsocketperm: '700',
    dir: folder.path,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    logfile: logFile,
    loglevel: 'warning',
    daemonize: 'no',
  }
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
}

async function untilReady(folder: StateFolder): Promise<void> {
  const giveUpAtMs = Date.now() + START_WITHIN_MS
  for (;;) {
    try {
      const redis = await connectRedis(socketAddress(folder), 1_000)
      redis.disconnect()
      return
    } catch (error) {
      if (Date.now() > giveUpAtMs) throw error
      await sleep(50)
    }
  }
}

async function stopLeftover(folder: StateFolder): Promise<void> {
  const redis = await connectRedis(socketAddress(folder), 300).catch(() => undefined)
  if (!(redis instanceof Redis)) return
  const ended = once(redis, 'end')
  redis.options.retryStrategy = () => null
  await redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined)
  await Promise.race([ended, sleep(STOP_WITHIN_MS)])
  redis.disconnect()
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await exited
  clearTimeout(force)
}

function cannotStart(cause: NodeJS.ErrnoException): BackupError {
  if (cause.code !== 'ENOENT') {
    return new BackupError('redis-server could not be started', { code: 'redis-start', retryable: false, cause })
  }
  return new BackupError('redis-server was not found, and REDIS_URL is not set', {
    code: 'redis-server-missing',
    retryable: false,
    hint: 'Install it (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or set REDIS_URL.',
  })
}

async function exitedEarly(code: number | null, logFile: string): Promise<BackupError> {
  const log = await readFile(logFile, 'utf8').catch(() => '')
  const last = log.trim().split('\n').at(-1) ?? ''
  return new BackupError(`redis-server ended right away (exit code ${code}): ${last}`, {
    code: 'redis-start',
    retryable: false,
    hint: `Its log is ${logFile}.`,
  })
}
