// One finished export from the server's file to a verified archive under its final name.

import type { Claims } from '#shared/coordination/claims.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatSeries } from '#shared/model/series.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { SweepPayload } from '#shared/queues/sweeps-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { isBackupActive } from '#shared/service/is-backup-active.ts'
import type { CommitInput } from '#shared/store/commit-archive.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { checkFreshness } from './check-freshness.ts'
import type { DiskRoom } from './disk-room.ts'
import type { DownloadMetrics } from './download-metrics.ts'
import { type FetchedFile, fetchFile } from './fetch-file.ts'
import { assertOfUse, describeStored, isOfUse } from './judge-stored.ts'
import { leaveOutMedia } from './leave-out-media.ts'
import { joinReasons, noteWorkflow } from './take-workflow.ts'

export interface DownloadDeps {
  readonly cvat: CvatClient
  readonly store: Store
  readonly room: Pick<DiskRoom, 'promise'>
  readonly claims: Claims
  readonly exports: OpenQueue<ExportPayload>
  readonly sweeps: OpenQueue<SweepPayload>
  readonly outcomes: OpenQueue<Outcome>
  /** CVAT_URL: which server the archive is of. */
  readonly serverUrl: string
  readonly metrics: DownloadMetrics
  /** CVAT_BACKUP_MEDIA_ONCE: of parts of snapshots only. */
  readonly mediaOnce: boolean
}

/** The file has gone from the server, or is of no moment that was observed: what is left is to export again. */
const EXPORT_AGAIN = new Set(['file-expired', 'unknown-request', 'export-not-finished', 'changed-meanwhile'])
const UNANSWERED = new Set(['unreachable', 'timeout', 'server-error', 'throttled'])
const MAX_REEXPORTS = 5
const PROGRESS_EVERY_MS = 500

/** Handles one job of the downloads queue; safe to run twice: a stored archive is found by its backup's id. */
export async function downloadArchive(
  payload: DownloadPayload,
  context: JobContext<DownloadPayload>,
  deps: DownloadDeps,
): Promise<string> {
  const series = formatSeries(payload.series)
  const { backupId, runId } = payload
  const answer = await deps.claims.hold({
    series,
    backupId,
    runId,
    queue: 'downloads',
    jobId: context.jobId,
    isOwnJob: true,
  })
  if (!answer.held) {
    // Nobody comes back to what an earlier run of this job has left.
    await deps.store.discardPartials(backupId)
    return answer.why === 'superseded' ? `superseded by ${answer.by}` : 'nobody waits for it any more'
  }

  const stored = await findStored(payload, deps)
  if (stored && isOfUse(stored.record)) {
    // The earlier run broke off after its commit, perhaps before it had cleaned up.
    await deps.store.discardPartials(backupId)
    return finish(payload, stored, await noteWorkflow(payload, context, deps), deps)
  }
  // Tried before and found incomplete: the same file would be so again.
  if (stored && payload.reexports < MAX_REEXPORTS) return exportAgain(payload, deps, 'the archive was incomplete')

  try {
    const { archive, note } = await storeArchive(payload, context, deps)
    assertOfUse(archive.record)
    return await finish(payload, archive, note, deps)
  } catch (error) {
    if (context.signal.aborted) await discardIfOver(payload, deps)
    if (!(error instanceof BackupError) || !EXPORT_AGAIN.has(error.code)) throw error
    if (payload.reexports >= MAX_REEXPORTS) throw error
    context.logger.info({ code: error.code }, 'the exported file cannot be used: exporting again')
    return exportAgain(payload, deps, error.message)
  }
}

/** Another handler has ended this backup meanwhile, or Redis was emptied: nobody comes back to what is left here. */
async function discardIfOver({ backupId }: DownloadPayload, { claims, store }: DownloadDeps): Promise<void> {
  if (!(await isBackupActive(backupId, claims))) await store.discardPartials(backupId)
}

/** What an earlier run of this handler has stored, interrupted commits finished first. */
async function findStored(payload: DownloadPayload, deps: DownloadDeps): Promise<StoredArchive | undefined> {
  const { entity } = payload.series
  const isActive = async (id: string) => id !== payload.backupId && (await isBackupActive(id, deps.claims))
  await deps.store.recoverEntity(entity, { isActive })
  const stored = await deps.store.findByBackupId(entity, payload.backupId)
  // Exporting again means another archive for the same backup: what was stored before the export is not it.
  return stored && stored.record.createdAt === new Date(payload.askedAt).toISOString() ? stored : undefined
}

async function storeArchive(
  payload: DownloadPayload,
  context: JobContext<DownloadPayload>,
  deps: DownloadDeps,
): Promise<{ archive: StoredArchive; note: string | undefined }> {
  const { series, observation, backupId } = payload
  const showProgress = throttleProgress(context)
  const onProgress = (receivedBytes: number, totalBytes: number | undefined, chunkBytes: number) => {
    deps.metrics.received(chunkBytes)
    showProgress(receivedBytes, totalBytes)
  }
  const fetched = await deps.metrics.fetching(series.content, () =>
    fetchFile(payload, { ...deps, onProgress }, context.signal),
  )
  await using partial = fetched.partial
  try {
    const leavesOutMedia = deps.mediaOnce && payload.isPart === true && series.entity.type === 'task'
    const read = await inspectFetched(payload, fetched, context, leavesOutMedia)
    const inspection = await checkFreshness(read, series, observation, deps.cvat, context.signal)
    for (const { code, message } of inspection.warnings) context.logger.warn({ code }, message)
    // Before the archive, so that none is stored without it where it can be had.
    const note = await noteWorkflow(payload, context, deps)
    const whole = { backupId, series, path: partial.path, inspection }
    const thin = leavesOutMedia ? await leaveOutMedia(whole, deps, context) : undefined
    // From here on a few short steps: they are finished even when the service stops.
    const archive = await commit(payload, { partialPath: partial.path, inspection }, thin, deps)
    deps.metrics.stored(series.content, archive.record.archive.sizeBytes)
    const { fileName: file, sizeBytes } = archive.record.archive
    context.logger.info({ file, sizeBytes }, 'archive stored')
    await deps.store.discardPartials(backupId)
    return { archive, note }
  } catch (error) {
    // After a stop, and where the server could not be asked how old it is, the file is whole: it is not fetched again.
    const isWhole = context.signal.aborted || (error instanceof BackupError && UNANSWERED.has(error.code))
    if (!isWhole) await partial.discard().catch(() => undefined)
    throw error
  }
}

type Committable = Pick<CommitInput, 'partialPath' | 'inspection' | 'mediaFrom'>

/** The whole one is there until it is certain that it is not needed. */
async function commit(
  payload: DownloadPayload,
  whole: Committable,
  thin: Committable | undefined,
  deps: DownloadDeps,
): Promise<StoredArchive> {
  const { series, observation, backupId, runId, serverVersion, askedAt, exportAttempts, isPart } = payload
  const { store, serverUrl } = deps
  const archive = await store.commitArchive({
    ...(thin ?? whole),
    series,
    server: { url: serverUrl, version: serverVersion },
    observation,
    createdAt: askedAt,
    origin: { runId, backupId, attempts: exportAttempts, ...(isPart && { part: true }) },
  })
  if (!thin || (await store.checkMedia(archive)).length === 0) return archive
  // Should the impossible have happened, nothing is left that lacks its media. Nobody was told of it yet.
  await store.removeArchive(archive)
  return commit(payload, whole, undefined, deps)
}

async function inspectFetched(
  payload: DownloadPayload,
  { partial, sizeBytes, sha256 }: FetchedFile,
  context: JobContext<DownloadPayload>,
  digestsMedia: boolean,
): Promise<Inspection> {
  await context.progress({ phase: 'verify', receivedBytes: sizeBytes, totalBytes: sizeBytes })
  const { observation, series } = payload
  const inspection = await inspectArchive(partial.path, {
    content: series.content,
    entityType: series.entity.type,
    observation,
    digestsMedia,
    signal: context.signal,
  })
  if (inspection.sha256 !== sha256) {
    throw new BackupError('the file on the disk differs from what the server sent', {
      code: 'disk-error',
      retryable: true,
      hint: 'Check the disk or the network mount of CVAT_BACKUP_DIR.',
    })
  }
  if (inspection.level === 'whole') {
    throw new BackupError(`the downloaded file is damaged: ${inspection.problems[0]?.message ?? 'not sound'}`, {
      code: 'damaged',
      retryable: true,
    })
  }
  return inspection
}

async function finish(
  payload: DownloadPayload,
  archive: StoredArchive,
  note: string | undefined,
  deps: DownloadDeps,
): Promise<string> {
  const { backupId, runId, series, name, organization } = payload
  const { sizeBytes, fileName } = archive.record.archive
  const { entity } = series
  const { createdAt, verification } = archive.record
  const about = describeStored(archive.record, organization)
  const told = { archive: { createdAt, level: verification.level }, ...about, ...joinReasons(about, note) }
  await deps.sweeps.add({ name, payload: { entity } })
  await deps.outcomes.add({ name, payload: { backupId, runId, series, name, result: 'done', sizeBytes, ...told } })
  return told.reason === undefined ? fileName : `${fileName}: ${told.reason}`
}

async function exportAgain(payload: DownloadPayload, deps: DownloadDeps, why: string): Promise<string> {
  const { backupId, runId, series, name, organization, link, isPart } = payload
  const reexports = payload.reexports + 1
  const jobId = `${backupId}.x${reexports}`
  // Of the earlier export, so of no use; and no download may come that cleans up.
  await deps.store.discardPartials(backupId)
  // Somebody may have retried this download by hand after an earlier export of it had failed.
  await deps.exports.revive({
    name,
    jobId,
    payload: { backupId, runId, series, name, organization, link, reexports, isPart },
  })
  await deps.claims.hold({ series: formatSeries(series), backupId, runId, queue: 'exports', jobId, isHandedOn: true })
  return `exporting again: ${why}`
}

function throttleProgress(context: JobContext<DownloadPayload>) {
  let nextAtMs = 0
  return (receivedBytes: number, totalBytes: number | undefined) => {
    if (Date.now() < nextAtMs) return
    nextAtMs = Date.now() + PROGRESS_EVERY_MS
    // Only for show: a lost one is followed by another.
    context.progress({ phase: 'download', receivedBytes, totalBytes }).catch(() => undefined)
  }
}
