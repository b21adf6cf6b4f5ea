// The downloader's handler by itself, with an export that has finished at a simulated server.

import { Registry } from 'prom-client'
import { type DownloadDeps, downloadArchive } from '#services/downloader/download-archive.ts'
import { defineDownloadMetrics } from '#services/downloader/download-metrics.ts'
import { observeEntity } from '#shared/cvat/observe-entity.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { type ArchiveContent, formatSeries } from '#shared/model/series.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import type { FileRedis } from '../../support/redis-server.ts'
import { type StackOptions, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'
import { boundlessRoom } from './fetch-fixture.ts'

export const project1: EntityRef = { type: 'project', id: 1 }

export interface DownloadRun {
  readonly signal?: AbortSignal
  readonly deps?: Partial<DownloadDeps>
}

export async function openDownloader(redis: FileRedis, options: StackOptions = {}) {
  const stack = await startStack(redis, { services: [], ...options })
  const { cvat, claims, store, queues, simulator } = stack
  const deps: DownloadDeps = {
    cvat,
    store,
    room: boundlessRoom,
    claims,
    exports: queues.exports,
    sweeps: queues.sweeps,
    outcomes: queues.outcomes,
    serverUrl: simulator.url,
    metrics: defineDownloadMetrics(new Registry(), { reserveBytes: 0 }),
    mediaOnce: false,
  }
  const progress: object[] = []

  return {
    ...stack,
    progress,
    /** What the exporter would have put into the queue for an export that has just finished. */
    async finishExport(
      entity: EntityRef = project1,
      content: ArchiveContent = { kind: 'backup' },
    ): Promise<DownloadPayload> {
      const signal = AbortSignal.timeout(60_000)
      const series = { entity, content }
      const observation = await observeEntity(entity, null, cvat, signal)
      const askedAt = new Date().toISOString()
      const { requestId } = await cvat.startExport(series, signal)
      const resultUrl = await waitFor(
        'the export to finish',
        async () => (await cvat.getRequest(requestId, signal)).resultUrl,
      )
      return {
        backupId: `run-1.${formatSeries(series)}`,
        runId: 'run-1',
        series,
        name: formatEntity(entity),
        organization: null,
        link: 'http://cvat/',
        reexports: 0,
        requestId,
        resultUrl,
        askedAt,
        observation,
        serverVersion: '2.64.1',
        exportAttempts: 1,
      }
    },
    async handle(payload: DownloadPayload, run: DownloadRun = {}): Promise<string> {
      // A handler has its job; nobody else is to take it up here.
      const { redis, prefix } = stack.connection
      await redis.hset(`${prefix}:downloads:${payload.backupId}`, 'name', payload.name)
      const context: JobContext<DownloadPayload> = {
        jobId: payload.backupId,
        attempt: 1,
        signal: run.signal ?? AbortSignal.timeout(60_000),
        logger: stack.logs.logger,
        save: async () => undefined,
        progress: async (now) => void progress.push(now),
      }
      return downloadArchive(payload, context, { ...deps, ...run.deps })
    },
    outcomes: async () => (await queues.outcomes.bull.getJobs(['waiting'])).map((job) => job.data),
    exportJobs: async () => (await queues.exports.bull.getJobs(['waiting'])).map((job) => [job.id, job.data]),
    sweepJobs: async () => (await queues.sweeps.bull.getJobs(['waiting'])).map((job) => job.data),
  }
}
