// One export from asking to a finished file at the server; then the download's job.

import type { Claims } from '#shared/coordination/claims.ts'
import type { ExportSlots } from '#shared/coordination/export-slots.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { observeEntity } from '#shared/cvat/observe-entity.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatSeries } from '#shared/model/series.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import type { ExportMetrics } from './export-metrics.ts'
import { explainFailedRequest, holdsObservedState } from './judge-request.ts'
import { waitForSlot } from './wait-for-slot.ts'

export interface ExportDeps {
  readonly cvat: CvatClient
  readonly claims: Claims
  readonly slots: ExportSlots
  readonly downloads: OpenQueue<DownloadPayload>
  readonly outcomes: OpenQueue<Outcome>
  readonly parallelExports: number
  readonly requestTimeoutMs: number
  readonly serverVersion: (signal: AbortSignal) => Promise<string>
  readonly metrics: ExportMetrics
}

type Asked = NonNullable<ExportPayload['asked']>

/** Exports that were begun by others before our observation are awaited and asked for anew, this often at most. */
const MAX_ASKED = 5

/** Handles one job of the exports queue; safe to run twice: it attaches to what an earlier run has begun. */
export async function exportEntity(
  payload: ExportPayload,
  context: JobContext<ExportPayload>,
  deps: ExportDeps,
): Promise<string> {
  const series = formatSeries(payload.series)
  const { backupId, runId } = payload
  const answer = await deps.claims.hold({
    series,
    backupId,
    runId,
    queue: 'exports',
    jobId: context.jobId,
    isOwnJob: true,
  })
  if (!answer.held) return answer.why === 'superseded' ? `superseded by ${answer.by}` : 'nobody waits for it any more'

  let asked = payload.asked
  for (let times = 0; times < MAX_ASKED; times++) {
    asked ??= await askForExport(payload, context, deps, series)
    if (asked === undefined) return 'nothing to back up'
    const request = await followRequest(asked, payload, context, deps, series)
    if (request?.status === 'failed') {
      await forgetRequest(payload, context, deps, series)
      throw explainFailedRequest(request, context.attempt)
    }
    if (request?.resultUrl && holdsObservedState(request, asked.observation)) {
      await addDownload(payload, asked, request.resultUrl, context, deps)
      await deps.slots.giveBack(series)
      deps.metrics.finished(payload.series.content, asked.at)
      return `finished at the server as ${asked.requestId}`
    }
    context.logger.info({ requestId: asked.requestId }, 'the export has gone or began too early: asking again')
    await forgetRequest(payload, context, deps, series)
    asked = undefined
  }
  throw new BackupError('CVAT kept answering with exports that began before the last change', {
    code: 'export-too-old',
    retryable: true,
  })
}

/** Observes, then asks: in this order, so that no archive claims a change that it may lack. Undefined: nothing there. */
async function askForExport(
  payload: ExportPayload,
  context: JobContext<ExportPayload>,
  deps: ExportDeps,
  series: string,
): Promise<Asked | undefined> {
  const { signal } = context
  const slotDeps = { slots: deps.slots, cvat: deps.cvat, limit: deps.parallelExports }
  await waitForSlot(series, slotDeps, signal)
  try {
    const observation = await observeEntity(payload.series.entity, payload.organization, deps.cvat, signal)
    if (payload.series.entity.type === 'task' && observation.tasks[0]?.size === 0) throw noData()
    // Observing may have taken so long that the slot was taken for forgotten.
    await waitForSlot(series, slotDeps, signal)
    const at = new Date().toISOString()
    const { requestId, attached } = await deps.cvat.startExport(payload.series, signal)
    await deps.slots.note(series, requestId)
    const asked: Asked = { requestId, at, observation }
    await context.save({ ...payload, asked })
    context.logger.info({ requestId, attached }, attached ? 'attached to a running export' : 'export asked for')
    return asked
  } catch (error) {
    // After a lost answer the export may run all the same: then the slot stays until the server's list says otherwise.
    if (!mayHaveBegun(error)) await deps.slots.giveBack(series)
    if (!(error instanceof BackupError) || error.code !== 'no-data') throw error
    await reportEmpty(payload, error, deps)
    return undefined
  }
}

/** The request's end; undefined when the server has forgotten it (its Redis was restarted empty). */
async function followRequest(
  asked: Asked,
  payload: ExportPayload,
  context: JobContext<ExportPayload>,
  deps: ExportDeps,
  series: string,
) {
  try {
    return await pollRequest(
      asked.requestId,
      {
        cvat: deps.cvat,
        askedAtMs: Date.parse(asked.at),
        timeoutMs: deps.requestTimeoutMs,
        timeoutSetting: 'CVAT_BACKUP_REQUEST_TIMEOUT_HOURS',
        onStatus: (request) => context.progress({ phase: `export ${request.status}` }),
      },
      context.signal,
    )
  } catch (error) {
    if (error instanceof BackupError && error.code === 'unknown-request') return undefined
    if (error instanceof BackupError && error.code === 'export-timeout') {
      // Only a queued request can be cancelled; a started one keeps its slot until the server is done with it.
      if (await deps.cvat.cancelRequest(asked.requestId, context.signal)) await deps.slots.giveBack(series)
      await context.save({ ...payload, asked: undefined })
    }
    throw error
  }
}

async function forgetRequest(
  payload: ExportPayload,
  context: JobContext<ExportPayload>,
  deps: ExportDeps,
  series: string,
): Promise<void> {
  await context.save({ ...payload, asked: undefined })
  await deps.slots.giveBack(series)
}

async function addDownload(
  payload: ExportPayload,
  asked: Asked,
  resultUrl: string,
  context: JobContext<ExportPayload>,
  deps: ExportDeps,
): Promise<void> {
  const { asked: _, ...backup } = payload
  const serverVersion = await deps.serverVersion(context.signal)
  const jobId = payload.reexports === 0 ? payload.backupId : `${payload.backupId}.x${payload.reexports}`
  // Somebody may have retried this export by hand after its download had failed.
  await deps.downloads.revive({
    name: payload.name,
    jobId,
    payload: {
      ...backup,
      requestId: asked.requestId,
      resultUrl,
      askedAt: asked.at,
      observation: asked.observation,
      serverVersion,
      exportAttempts: context.attempt,
    },
  })
  const { backupId, runId } = payload
  await deps.claims.hold({
    series: formatSeries(payload.series),
    backupId,
    runId,
    queue: 'downloads',
    jobId,
    isHandedOn: true,
  })
}

async function reportEmpty(payload: ExportPayload, error: BackupError, deps: ExportDeps): Promise<void> {
  const { backupId, runId, series, name } = payload
  await deps.outcomes.add({
    name,
    payload: { backupId, runId, series, name, result: 'empty', sizeBytes: 0, reason: error.message },
  })
}

const UNCERTAIN = new Set(['unreachable', 'timeout', 'server-error'])

function mayHaveBegun(error: unknown): boolean {
  return !(error instanceof BackupError) || UNCERTAIN.has(error.code)
}

function noData(): BackupError {
  return new BackupError('the task has no data yet', { code: 'no-data', retryable: false })
}
