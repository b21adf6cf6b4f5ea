// The downloader: takes jobs of the downloads queue and brings each file into the backup directory.

import type { Logger } from 'pino'
import { openClaims } from '#shared/coordination/claims.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { exportsQueue } from '#shared/queues/exports-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { outcomesQueue } from '#shared/queues/outcomes-queue.ts'
import { sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { withBackup } from '#shared/service/backup-context.ts'
import { consume } from '#shared/service/consume.ts'
import { failureOutcome } from '#shared/service/failure-outcome.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { downloadArchive } from './download-archive.ts'

export interface DownloaderDeps {
  readonly connection: QueueConnection
  readonly cvat: CvatClient
  readonly store: Store
  readonly logger: Logger
  readonly parallelDownloads: number
  readonly serverUrl: string
}

export async function startDownloader(deps: DownloaderDeps): Promise<Service> {
  const { connection, cvat, store, parallelDownloads, serverUrl } = deps
  const logger = deps.logger.child({ service: 'downloader' })
  await store.checkDirectory()
  const claims = openClaims(connection)
  const exports = openQueue(exportsQueue, connection)
  const sweeps = openQueue(sweepsQueue, connection)
  const outcomes = openQueue(outcomesQueue, connection)
  const consumer = consume({
    definition: downloadsQueue,
    connection,
    logger,
    concurrency: parallelDownloads,
    handle: (payload, context) =>
      downloadArchive(payload, withBackup(context, payload), {
        cvat,
        store,
        claims,
        exports,
        sweeps,
        outcomes,
        serverUrl,
      }),
    giveUp: (payload, error) => outcomes.add(failureOutcome(payload, error)),
  })
  logger.info({ parallelDownloads, directory: store.directory }, 'downloader is ready')
  return {
    async close() {
      await consumer.close()
      await Promise.all([exports.close(), sweeps.close(), outcomes.close()])
    },
  }
}
