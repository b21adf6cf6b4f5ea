// All services in this process against a simulated server, over a real Redis, each of which a test may stop and start.

import { onTestFinished } from 'vitest'
import { type DownloaderDeps, startDownloader } from '#services/downloader/service.ts'
import { startExporter } from '#services/exporter/service.ts'
import type { Filters } from '#services/scheduler/match-filter.ts'
import type { Schedule } from '#services/scheduler/read-crontab.ts'
import { type SchedulerDeps, startScheduler } from '#services/scheduler/service.ts'
import { startSweeper } from '#services/sweeper/service.ts'
import { openClaims } from '#shared/coordination/claims.ts'
import { openExportSlots } from '#shared/coordination/export-slots.ts'
import { openLastRuns } from '#shared/coordination/last-runs.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { type RunSummary, summarise } from '#shared/coordination/summarise-run.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import { allQueues } from '#shared/queues/all-queues.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { makeRunId } from '#shared/service/make-run-id.ts'
import type { Service } from '#shared/service/service.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import type { Capacity } from '../simulator/capacity.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import type { World } from '../simulator/world.ts'
import { type CollectedLogs, collectLogs } from './collect-logs.ts'
import { newPrefix } from './redis-server.ts'
import { login, smallWorld } from './small-world.ts'
import { waitFor } from './wait-for.ts'

/** `TEST_STRATEGY=incremental` runs what does not choose by itself the other way. */
const incrementalByDefault = {
  strategy: process.env.TEST_STRATEGY === 'incremental' ? ('incremental' as const) : ('whole' as const),
  minTasks: 1,
}

export type ServiceName = 'scheduler' | 'exporter' | 'downloader' | 'sweeper'

export interface StackOptions {
  readonly world?: World
  readonly simulator?: Simulator
  readonly capacity?: Partial<Capacity>
  readonly services?: readonly ServiceName[]
  readonly parallelExports?: number
  readonly parallelDownloads?: number
  readonly diskReserveBytes?: number
  readonly fullDisk?: DownloaderDeps['fullDisk']
  /** Instead of a temporary folder. */
  readonly directory?: string
  readonly requestTimeoutMs?: number
  readonly rules?: RetentionRules
  readonly verifyPasses?: number
  readonly incremental?: NonNullable<SchedulerDeps['incremental']> & {
    readonly driftMs?: number
    readonly mediaOnce?: boolean
  }
  readonly filters?: Filters
  readonly schedules?: readonly Schedule[]
  readonly monitoring?: SchedulerDeps['monitoring']
  /** That of another stack, to share its queues. */
  readonly prefix?: string
}

/** Connections to one Redis, closed after the test. */
export interface StackRedis {
  connect(prefix: string): Promise<QueueConnection>
}

export interface RunRequest {
  readonly mode?: Mode
  readonly full?: boolean
  readonly entities?: EntityRef[]
}

export type Stack = Awaited<ReturnType<typeof startStack>>

const everything: readonly ServiceName[] = ['scheduler', 'exporter', 'downloader', 'sweeper']

/** Closed after the test by itself, services first. */
export async function startStack(redis: StackRedis, options: StackOptions = {}) {
  const prefix = options.prefix ?? newPrefix()
  const connection = await redis.connect(prefix)
  const simulator =
    options.simulator ??
    (await startSimulator({
      world: options.world ?? smallWorld(),
      capacity: { exportMs: 1, exportWorkers: 8, basicCostMs: 0, anonymousPerMinute: 10_000, ...options.capacity },
    }))
  if (!options.simulator) onTestFinished(() => simulator.close())
  const directory = options.directory ?? (await makeTemporaryFolder())
  const store = openStore({ directory })
  await store.checkDirectory()
  const logs = collectLogs([login.password])
  const cvat = openTestClient(simulator.url, logs)
  const queues = openAllQueues(connection)
  const running = new Map<string, Service>()
  const metrics = new Map<string, ProcessMetrics>()
  const ledger = openRunLedger(connection)

  const starters: Record<ServiceName, (over: QueueConnection, metrics: ProcessMetrics) => Promise<Service>> = {
    scheduler: (over, metrics) =>
      startScheduler({
        metrics,
        monitoring: options.monitoring,
        connection: over,
        cvat,
        store,
        logger: logs.logger,
        serverUrl: simulator.url,
        filters: options.filters ?? { include: undefined, exclude: undefined },
        annotations: { format: 'CVAT for images 1.1', saveImages: false },
        incremental: options.incremental ?? incrementalByDefault,
        schedules: options.schedules,
        timeZone: 'UTC',
      }),
    exporter: (over, metrics) =>
      startExporter({
        metrics,
        connection: over,
        cvat,
        logger: logs.logger,
        parallelExports: options.parallelExports ?? 4,
        requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
      }),
    downloader: (over, metrics) =>
      startDownloader({
        metrics,
        connection: over,
        cvat,
        store,
        logger: logs.logger,
        parallelDownloads: options.parallelDownloads ?? 3,
        serverUrl: simulator.url,
        diskReserveBytes: options.diskReserveBytes ?? 0,
        driftMs: options.incremental?.driftMs ?? 0,
        mediaOnce: options.incremental?.mediaOnce ?? false,
        ...(options.fullDisk ? { fullDisk: options.fullDisk } : {}),
      }),
    sweeper: (over, metrics) =>
      startSweeper({
        metrics,
        connection: over,
        verifyPasses: options.verifyPasses ?? 30,
        store,
        logger: logs.logger,
        isIncremental: (options.incremental ?? incrementalByDefault).strategy === 'incremental',
        rules: options.rules ?? { ttlMs: 24 * 3600_000, minBackups: 3 },
      }),
  }

  onTestFinished(async () => {
    await Promise.all([...running.values()].map((service) => service.close()))
    await Promise.all(Object.values(queues).map((queue) => queue.close()))
    await cvat.close()
  })

  const start = async (name: ServiceName, as: string = name): Promise<void> => {
    const own = openMetrics()
    metrics.set(as, own)
    running.set(as, await starters[name](await redis.connect(prefix), own))
  }
  for (const name of options.services ?? everything) await start(name)

  return {
    simulator,
    world: simulator.world,
    hooks: simulator.hooks,
    connection,
    store,
    directory,
    logs,
    cvat,
    ledger,
    queues,
    claims: openClaims(connection),
    protection: openProtectionTable(connection),
    lastRuns: openLastRuns(connection),
    slots: openExportSlots(connection),
    start,
    /** What a service tells at /metrics, as a process of its own would. */
    metricsOf: (name: string): Promise<string> => metrics.get(name)!.render(),
    processOf: (name: string): ProcessMetrics => metrics.get(name)!,
    async stop(name: string): Promise<void> {
      await running.get(name)?.close()
      running.delete(name)
    },
    /** Asks for a run; gives its id. */
    async request({ mode = 'p', full = false, entities }: RunRequest = {}): Promise<string> {
      const runId = makeRunId(mode, new Date(), `${performance.now()}`)
      await queues.runs.add({
        name: 'test run',
        jobId: runId,
        payload: { do: 'start-run', runId, mode, full, trigger: 'command', ...(entities ? { entities } : {}) },
      })
      return runId
    },
    /** Waits for a run's end. */
    async ended(runId: string, timeoutMs = 60_000): Promise<RunSummary> {
      const account = await waitFor(
        `run ${runId} to end`,
        async () => {
          const now = await ledger.read(runId)
          if (now?.state !== 'ended') throw new Error(JSON.stringify(now))
          return now
        },
        { timeoutMs },
      ).catch(async (error: Error) => {
        throw new Error(`${error.message}\n${await describeWork(queues, logs)}`, { cause: error })
      })
      return summarise(account, ledger)
    },
    async backUp(request: RunRequest = {}): Promise<RunSummary> {
      return this.ended(await this.request(request))
    },
    archives: () => listArchives(store),
  }
}

export function openTestClient(url: string, logs?: CollectedLogs): CvatClient {
  return openCvatClient({
    url,
    credentials: login,
    logger: logs?.logger,
    // Pauses stay short so that a test of an outage does.
    retry: { attempts: 3, baseMs: 5, maxMs: 20 },
    timeouts: { bodyMs: 2_000 },
  })
}

export function openAllQueues(connection: QueueConnection) {
  return {
    runs: openQueue(allQueues.runs, connection),
    exports: openQueue(allQueues.exports, connection),
    downloads: openQueue(allQueues.downloads, connection),
    workflows: openQueue(allQueues.workflows, connection),
    snapshots: openQueue(allQueues.snapshots, connection),
    sweeps: openQueue(allQueues.sweeps, connection),
    verifications: openQueue(allQueues.verifications, connection),
    drills: openQueue(allQueues.drills, connection),
    outcomes: openQueue(allQueues.outcomes, connection),
    changes: openQueue(allQueues.changes, connection),
    notifications: openQueue(allQueues.notifications, connection),
  }
}

/** For a run that does not end: what waits where, and what was logged last. */
async function describeWork(queues: ReturnType<typeof openAllQueues>, logs: CollectedLogs): Promise<string> {
  const lines = [`at ${new Date().toISOString()}`]
  for (const [name, { bull }] of Object.entries(queues)) {
    for (const job of await bull.getJobs(['active', 'wait', 'delayed', 'prioritized', 'failed'])) {
      const { id, timestamp, delay, processedOn, attemptsStarted, failedReason } = job
      const fields = { timestamp, delay, processedOn, attemptsStarted, failedReason }
      lines.push(`${name} ${id} ${await job.getState()} ${JSON.stringify(fields)}`)
    }
  }
  return [...lines, ...logs.lines.slice(-30).map((line) => JSON.stringify(line))].join('\n')
}

export async function listArchives(store: Store): Promise<StoredArchive[]> {
  const found: StoredArchive[] = []
  for await (const entity of store.listEntities()) found.push(...(await store.listRecords(entity)).archives)
  return found
}
