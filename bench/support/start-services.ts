// The product as several processes: a Redis, one process of each service, as many downloaders as wanted.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { nodeFlags, productEnv, productPath } from './run-product.ts'

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
  for (const [service, count] of Object.entries(counts)) {
    for (let index = 0; index < count; index++) {
      const usageFile = join(folder, `usage-${service}-${index}.json`)
      const child = await startService(service, {
        ...productEnv(home),
        ...env,
        ...redisEnv,
        BENCH_USAGE_FILE: usageFile,
      })
      running.push({ service, child, usageFile })
    }
  }
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

/** Resolves when it says that it is ready. */
async function startService(service: string, env: Record<string, string>): Promise<ChildProcess> {
  const preload = pathToFileURL(join(import.meta.dirname, 'report-usage.ts')).href
  const child = spawn(
    process.execPath,
    [...nodeFlags, '--import', preload, productPath(`services/${service}/main.ts`)],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  let markReady: () => void
  const ready = new Promise<void>((resolve) => {
    markReady = resolve
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-5_000)
      if (output.includes(`${service} is ready`)) markReady()
    })
  }
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${service} ended with ${code}: ${output}`)
  })
  // Ends as it is asked to, too, when nobody waits for it.
  ended.catch(() => undefined)
  await Promise.race([ready, ended])
  return child
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
