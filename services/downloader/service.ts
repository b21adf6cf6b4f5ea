// The downloader: takes jobs of the downloads queue and brings each file into the backup directory.

import type { Logger } from 'pino'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { checkCvat, checkDirectory, checkRoom } from '#shared/monitoring/checks.ts'
import { collectFreeBytes } from '#shared/monitoring/directory-metrics.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { exportsQueue } from '#shared/queues/exports-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { outcomesQueue } from '#shared/queues/outcomes-queue.ts'
import { snapshotsQueue } from '#shared/queues/snapshots-queue.ts'
import { sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { workflowsQueue } from '#shared/queues/workflows-queue.ts'
import { withBackup } from '#shared/service/backup-context.ts'
import { consume } from '#shared/service/consume.ts'
import { failureOutcome } from '#shared/service/failure-outcome.ts'
import { rememberVersion } from '#shared/service/remember-version.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { openDiskRoom } from './disk-room.ts'
import { downloadArchive } from './download-archive.ts'
import { defineDownloadMetrics } from './download-metrics.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { noteWorkflowAlone } from './note-workflow.ts'
import { postponeWhenFull } from './postpone-when-full.ts'

export interface DownloaderDeps {
  readonly connection: QueueConnection
  readonly cvat: CvatClient
  readonly store: Store
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly parallelDownloads: number
  readonly serverUrl: string
  /** CVAT_BACKUP_DISK_RESERVE. */
  readonly diskReserveBytes: number
  /** CVAT_BACKUP_SNAPSHOT_DRIFT. */
  readonly driftMs: number
  /** CVAT_BACKUP_MEDIA_ONCE. */
  readonly mediaOnce?: boolean | undefined
  /** For tests: how often a full disk is looked at again, and for how long. */
  readonly fullDisk?: { readonly checkEveryMs: number; readonly limitMs: number }
}

const fullDiskTimes = { checkEveryMs: 30_000, limitMs: 24 * 3600_000 }

export async function startDownloader(deps: DownloaderDeps): Promise<Service> {
  const { connection, cvat, store, parallelDownloads, serverUrl, diskReserveBytes, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'downloader' })
  const { isNew } = await store.checkDirectory()
  if (isNew) {
    const directory = store.directory
    logger.warn({ directory }, 'a new backup directory was begun; if there were archives in it, its mount is missing')
  }
  collectFreeBytes(metrics, store)
  const claims = openClaims(connection)
  const exports = openQueue(exportsQueue, connection)
  const sweeps = openQueue(sweepsQueue, connection)
  const outcomes = openQueue(outcomesQueue, connection)
  const room = openDiskRoom({
    store,
    logger,
    reserveBytes: diskReserveBytes,
    ...(deps.fullDisk ?? fullDiskTimes),
    pause: () => consumer.pause(),
    resume: () => consumer.resume(),
  })
  const downloadMetrics = defineDownloadMetrics(metrics.registry, { reserveBytes: diskReserveBytes })
  const archiveDeps = {
    ...{ cvat, store, room, claims, exports, sweeps, outcomes, serverUrl, metrics: downloadMetrics },
    mediaOnce: deps.mediaOnce ?? false,
  }
  const consumer = consume({
    definition: downloadsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: parallelDownloads,
    handle: (payload, context) => {
      const inBackup = withBackup(context, payload)
      return postponeWhenFull(payload, inBackup, room, () => downloadArchive(payload, inBackup, archiveDeps))
    },
    async giveUp(payload, error) {
      // The sweep of all would remove it, too, but perhaps a day later.
      await store.discardPartials(payload.backupId).catch(() => undefined)
      await outcomes.add(failureOutcome(payload, error))
    },
  })
  const noteDeps = { cvat, store, claims, sweeps, outcomes, serverUrl, serverVersion: rememberVersion(cvat) }
  const workflowConsumer = consume({
    definition: workflowsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: parallelDownloads,
    handle: (payload, context) => noteWorkflowAlone(payload, withBackup(context, payload), noteDeps),
    async giveUp(payload, error) {
      const { name, payload: outcome } = failureOutcome(payload, error)
      await outcomes.add({ name, payload: { ...outcome, isWorkflow: true } })
    },
  })
  const ledger = openRunLedger(connection)
  const { driftMs } = deps
  const snapshotDeps = {
    cvat,
    store,
    room,
    claims,
    ledger,
    sweeps,
    outcomes,
    serverUrl,
    serverVersion: noteDeps.serverVersion,
    driftMs,
  }
  const snapshotConsumer = consume({
    definition: snapshotsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: parallelDownloads,
    handle: (payload, context) => makeSnapshot(payload, withBackup(context, payload), snapshotDeps),
    async giveUp(payload, error) {
      await store.discardPartials(payload.backupId).catch(() => undefined)
      await outcomes.add(failureOutcome(payload, error))
    },
  })
  logger.info({ parallelDownloads, directory: store.directory }, 'downloader is ready')
  return {
    checks: [checkCvat(cvat), checkDirectory(store), checkRoom(store, diskReserveBytes)],
    async close() {
      room.close()
      await Promise.all([consumer.close(), workflowConsumer.close(), snapshotConsumer.close()])
      await Promise.all([exports.close(), sweeps.close(), outcomes.close()])
    },
  }
}
