// The restorer: takes jobs of the restores queue and makes projects and tasks anew on its target.

import type { Logger } from 'pino'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { drillsQueue } from '#shared/queues/drills-queue.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { type RestorePayload, restoresQueue } from '#shared/queues/restores-queue.ts'
import { announceTarget } from '#shared/restores/announce-target.ts'
import { consume } from '#shared/service/consume.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { drillBySchedule } from './drill-by-schedule.ts'
import { collectDrills } from './drill-metrics.ts'
import { noteFailure } from './note-failure.ts'
import { restoreEntity } from './restore-entity.ts'
import type { TargetServer } from './restore-work.ts'

export interface RestorerDeps {
  readonly connection: QueueConnection
  readonly store: Store
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly target: TargetServer
  readonly parallelRestores: number
  readonly chunkBytes: number
  readonly importTimeoutMs: number
  /** CVAT_BACKUP_DRILL_SAMPLE: how many archives a scheduled drill takes. */
  readonly drillSample: number
  /** CVAT_URL: whose archives are drilled. */
  readonly serverUrl: string
}

export async function startRestorer(deps: RestorerDeps): Promise<Service> {
  const { connection, store, target, parallelRestores, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'restorer', target: target.url })
  const now = () => new Date()
  const consumer = consume({
    definition: restoresQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: parallelRestores,
    handle: async (payload, context) => {
      await notePlan(payload, store)
      const result = await restoreEntity(payload, context, { ...deps, now })
      await notePlan(payload, store, now())
      return JSON.stringify(result)
    },
    giveUp: (payload, error) => noteFailure(payload, error, store, now()),
  })
  // One at a time, and apart from restores: on the bad day nobody waits for a drill.
  const driller = consume({
    definition: drillsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 1,
    handle: (payload, context) =>
      drillBySchedule(payload, context, { ...deps, now, sample: deps.drillSample, source: deps.serverUrl }),
  })
  const stopCollecting = collectDrills(metrics, store)
  const announcement = announceTarget(connection, target.url, logger)
  logger.info({ parallelRestores }, 'restorer is ready')
  return {
    async close() {
      stopCollecting()
      await announcement.close()
      await Promise.all([consumer.close(), driller.close()])
    },
  }
}

/** Writes down what was asked for, and that it was done: what the command line does by itself. May run twice. */
async function notePlan(payload: RestorePayload, store: Store, endedAt?: Date): Promise<void> {
  const { restoreId, targetUrl, plan } = payload
  if (!plan) return
  const noted = await store.readRestorePlan(restoreId)
  if (noted && !endedAt) return
  await store.writeRestorePlan({
    formatVersion: 1,
    type: 'restore-plan',
    restoreId,
    targetUrl,
    ...plan,
    ...(endedAt ? { endedAt: endedAt.toISOString() } : {}),
  })
}
