// The product as several processes: a Redis, one process of each service, as many downloaders as wanted.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { nodeFlags, productEnv, productPath, profileFlags } from './run-product.ts'

export type ServiceName = 'scheduler' | 'exporter' | 'downloader' | 'sweeper'

export interface ServiceUsage {
  readonly service: string
  readonly cpuMs: number
  readonly peakRssMb: number
}

export interface Services extends AsyncDisposable {
  /** For `cvat-backups backup`, which asks these services then. */
  readonly env: Readonly<Record<string, string>>
  /** Milliseconds since 1970, of all downloads that have ended well. */
  downloads(): Promise<{ readonly startedMs: number; readonly endedMs: number }[]>
  /** Asks all services to stop and waits for it. */
  stop(): Promise<ServiceUsage[]>
}

const EACH_ONCE = { scheduler: 1, exporter: 1, downloader: 1, sweeper: 1 }
const PREFIX = '{bench}'

/** `folder` is for this start alone; `home` keeps the compiled modules from one start to the next, as images do. */
export async function startServices(
  { folder, home }: { readonly folder: string; readonly home: string },
  counts: Readonly<Record<ServiceName, number>>,
  env: Readonly<Record<string, string>>,
): Promise<Services> {
  await mkdir(folder, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const socket = join(folder, 'redis.sock')
  const redisServer = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--maxmemory-policy', 'noeviction'],
    { stdio: 'ignore' },
  )
  stack.defer(() => end(redisServer))
  const redisEnv = { REDIS_URL: `unix:${socket}`, CVAT_BACKUP_PREFIX: PREFIX }
  const redis = await connectRedis({ url: redisEnv.REDIS_URL })
  redis.on('error', () => undefined)
  stack.defer(() => redis.disconnect())
  const queue = openQueue(downloadsQueue, { redis, prefix: PREFIX })
  stack.defer(() => queue.close())
  const running: { service: string; child: ChildProcess; usageFile: string }[] = []
  stack.defer(async () => void (await Promise.all(running.map(({ child }) => end(child)))))
  const wanted = Object.entries(counts).flatMap(([service, count]) =>
    Array.from({ length: count }, (_, index) => ({
      service,
      usageFile: join(folder, `usage-${service}-${index}.json`),
    })),
  )
  const ready = wanted.map(({ service, usageFile }) => {
    const child = spawnService(service, { ...productEnv(home), ...env, ...redisEnv, BENCH_USAGE_FILE: usageFile })
    running.push({ service, child, usageFile })
    return untilReady(service, child)
  })
  await Promise.all(ready)
  const started = stack.move()
  return {
    env: redisEnv,
    async downloads() {
      const jobs = await queue.bull.getCompleted()
      return jobs.map((job) => ({ startedMs: job.processedOn!, endedMs: job.finishedOn! }))
    },
    async stop() {
      await Promise.all(running.map(({ child }) => end(child)))
      return Promise.all(running.map(({ service, usageFile }) => readUsage(service, usageFile)))
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** Compiles all modules, as an image does when it is built: the very first start takes more time and memory. */
export async function warmUp(
  { folder, home }: { readonly folder: string; readonly home: string },
  env: Readonly<Record<string, string>>,
): Promise<void> {
  await using _ = await startServices({ folder, home }, EACH_ONCE, env)
}

function spawnService(service: string, env: Record<string, string>): ChildProcessByStdio<null, Readable, Readable> {
  const preload = pathToFileURL(join(import.meta.dirname, 'report-usage.ts')).href
  const args = [...nodeFlags, ...profileFlags(service), '--import', preload, productPath(`services/${service}/main.ts`)]
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Resolves when it says that it is ready; rejects when it ends before. Its output is read on. */
async function untilReady(service: string, child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-5_000)
      if (output.includes(`${service} is ready`)) resolve()
    })
  }
  child.once('exit', (code) => reject(new Error(`${service} ended with ${code}: ${output}`)))
  await promise
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function readUsage(service: string, file: string): Promise<ServiceUsage> {
  const usage = JSON.parse(await readFile(file, 'utf8')) as NodeJS.ResourceUsage
  return { service, cpuMs: (usage.userCPUTime + usage.systemCPUTime) / 1000, peakRssMb: usage.maxRSS / 1024 }
}
