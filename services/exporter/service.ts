// The exporter: takes jobs of the exports queue and brings each to a finished file at the CVAT server.

import type { Logger } from 'pino'
import { openClaims } from '#shared/coordination/claims.ts'
import { openExportSlots } from '#shared/coordination/export-slots.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { checkCvat } from '#shared/monitoring/checks.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { exportsQueue } from '#shared/queues/exports-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { outcomesQueue } from '#shared/queues/outcomes-queue.ts'
import { withBackup } from '#shared/service/backup-context.ts'
import { consume } from '#shared/service/consume.ts'
import { failureOutcome } from '#shared/service/failure-outcome.ts'
import { rememberVersion } from '#shared/service/remember-version.ts'
import type { Service } from '#shared/service/service.ts'
import { exportEntity } from './export-entity.ts'
import { defineExportMetrics } from './export-metrics.ts'
import { adoptRunningExports } from './wait-for-slot.ts'

export interface ExporterDeps {
  readonly connection: QueueConnection
  readonly cvat: CvatClient
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly parallelExports: number
  readonly requestTimeoutMs: number
}

/** Starts taking jobs. The number of exports in flight is a limit over all exporters, not for each. */
export async function startExporter(deps: ExporterDeps): Promise<Service> {
  const { connection, cvat, parallelExports, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'exporter' })
  const claims = openClaims(connection)
  const slots = openExportSlots(connection)
  const downloads = openQueue(downloadsQueue, connection)
  const outcomes = openQueue(outcomesQueue, connection)
  const exportsInRedis = openQueue(exportsQueue, connection)
  const exportMetrics = defineExportMetrics(metrics.registry)
  const starting = new AbortController()
  await exportsInRedis.bull.setGlobalConcurrency(parallelExports)
  const adopted = adoptRunningExports({ slots, cvat }, parallelExports, starting.signal)
    .then((count) => count > 0 && logger.info({ count }, 'exports of an earlier life still run at the server'))
    .catch((err) => logger.debug({ err }, 'running exports could not be listed'))

  const consumer = consume({
    definition: exportsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: parallelExports,
    handle: async (payload, context) => {
      await adopted
      return exportEntity(payload, withBackup(context, payload), {
        cvat,
        claims,
        slots,
        downloads,
        outcomes,
        parallelExports,
        requestTimeoutMs: deps.requestTimeoutMs,
        serverVersion,
        metrics: exportMetrics,
      })
    },
    giveUp: async (payload, error) => outcomes.add(failureOutcome(payload, error)),
  })
  const serverVersion = rememberVersion(cvat)
  logger.info({ parallelExports }, 'exporter is ready')
  return {
    checks: [checkCvat(cvat)],
    async close() {
      starting.abort()
      await consumer.close()
      await adopted
      await Promise.all([downloads.close(), outcomes.close(), exportsInRedis.close()])
    },
  }
}
