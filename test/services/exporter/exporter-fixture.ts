// The exporter's handler by itself, against a simulated server and a real Redis: a test decides what ran before it.

import { Registry } from 'prom-client'
import { type ExportDeps, exportEntity } from '#services/exporter/export-entity.ts'
import { defineExportMetrics } from '#services/exporter/export-metrics.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { type ArchiveContent, formatSeries } from '#shared/model/series.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import type { FileRedis } from '../../support/redis-server.ts'
import { type StackOptions, startStack } from '../../support/start-stack.ts'

export const project1: EntityRef = { type: 'project', id: 1 }

export interface HandlerRun {
  readonly payload?: ExportPayload
  readonly attempt?: number
  readonly signal?: AbortSignal
  readonly deps?: Partial<ExportDeps>
}

/** No service runs; `handle` is one start of the handler, `saved` what a restarted one would find with its job. */
export async function openExporter(redis: FileRedis, options: StackOptions = {}) {
  const stack = await startStack(redis, { services: [], ...options })
  const { cvat, claims, slots, queues } = stack
  const deps: ExportDeps = {
    cvat,
    claims,
    slots,
    downloads: queues.downloads,
    outcomes: queues.outcomes,
    parallelExports: options.parallelExports ?? 2,
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
    serverVersion: async () => '2.64.1',
    metrics: defineExportMetrics(new Registry()),
  }
  let saved: ExportPayload | undefined
  const progress: object[] = []

  return {
    ...stack,
    progress,
    get saved() {
      return saved
    },
    async handle(run: HandlerRun = {}): Promise<string> {
      const payload = run.payload ?? makePayload()
      const context: JobContext<ExportPayload> = {
        jobId: payload.backupId,
        attempt: run.attempt ?? 1,
        signal: run.signal ?? AbortSignal.timeout(60_000),
        logger: stack.logs.logger,
        save: async (changed) => {
          saved = JSON.parse(JSON.stringify(changed)) as ExportPayload
        },
        progress: async (now) => void progress.push(now),
      }
      return exportEntity(payload, context, { ...deps, ...run.deps })
    },
    downloadJobs: async () => (await queues.downloads.bull.getJobs(['waiting'])).map((job) => job.data),
    outcomes: async () => (await queues.outcomes.bull.getJobs(['waiting'])).map((job) => job.data),
  }
}

export function makePayload(
  entity: EntityRef = project1,
  content: ArchiveContent = { kind: 'backup' },
  runId = 'run-1',
): ExportPayload {
  const series = { entity, content }
  return {
    backupId: `${runId}.${formatSeries(series)}`,
    runId,
    series,
    name: formatEntity(entity),
    organization: null,
    link: 'http://cvat/',
    reexports: 0,
  }
}

/** The id that CVAT gives to an export of the administrator. */
export function requestIdOf(entity: EntityRef): string {
  return `action=export&target=${entity.type}&target_id=${entity.id}&user_id=1&subresource=backup`
}
