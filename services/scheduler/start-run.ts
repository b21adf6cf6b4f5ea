// Starts a run: lists the entities, decides for each, and adds an export job for those that need one. A listing that
// was interrupted goes on after the last page that was entered whole; within a page every step may run twice.

import type { LastRuns } from '#shared/coordination/last-runs.ts'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { type ArchiveContent, formatSeries, type Series } from '#shared/model/series.ts'
import type { ExcludedEntity, ExcludedTable } from '#shared/protection/excluded-table.ts'
import type { ProtectionTable } from '#shared/protection/protection-table.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { StartRun } from '#shared/queues/runs-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { leaveOutScratch } from './leave-out-scratch.ts'
import { listNamedSubjects, type Unlisted } from './list-named-subjects.ts'
import { listSubjects } from './list-subjects.ts'
import { type MarkDeletedDeps, markDeleted, sawEverything } from './mark-deleted.ts'
import { type Filters, isAdmitted } from './match-filter.ts'
import { oneAhead } from './one-ahead.ts'
import { linkTo, type PlanDeps, type Planning, planBackups } from './plan-backups.ts'
import { SeenIds } from './seen-ids.ts'
import type { Subject } from './subject.ts'
import { IssueCounter } from './tally-subjects.ts'

export interface StartRunDeps extends PlanDeps {
  readonly cvat: CvatClient
  readonly ledger: RunLedger
  readonly outcomes: OpenQueue<Outcome>
  readonly protection: Pick<ProtectionTable, 'noteListed' | 'endListing'>
  /** For people, who look for what is not protected. */
  readonly excluded: Pick<ExcludedTable, 'note' | 'endListing'>
  readonly lastRuns: Pick<LastRuns, 'noteStarted'>
  readonly filters: Filters
  readonly annotations: { readonly format: string; readonly saveImages: boolean }
  /** CVAT_ORGANIZATION: lists show nothing else then. */
  readonly organization?: string | undefined
}

export async function startRun(
  runId: string,
  request: StartRun,
  context: JobContext<unknown>,
  deps: StartRunDeps,
): Promise<string> {
  const { ledger, cvat } = deps
  const { version } = await cvat.checkServer(context.signal)
  context.logger.info({ mode: request.mode, full: request.full, version, url: deps.serverUrl }, 'run started')
  const isWhole = !request.entities
  const { cursor } = await ledger.open({ ...request, isWhole, runId, jobId: context.jobId })
  const opened = await ledger.read(runId)
  if (opened?.state === 'interrupted') return 'the run was interrupted'
  const { mode } = request
  const startedAtMs = opened?.startedAtMs ?? Date.now()
  if (isWhole) await deps.lastRuns.noteStarted(mode, startedAtMs)
  if (request.mode === 'a') await assertFormat(deps, context.signal)
  const { full } = request
  const planning = { content: contentOf(request, deps), full, mode, startedAtMs, how: 'listed' } as const
  const issues = new IssueCounter(cvat, context.signal, (error) =>
    context.logger.warn({ reason: describeError(error) }, 'issues cannot be listed: changes of them are not noticed'),
  )
  // Of a listing that was interrupted, what it saw before is not known any more.
  const seen = cursor === '' ? new SeenIds() : undefined
  if (request.entities) {
    for await (const found of listNamedSubjects(request.entities, request.mode, cvat, issues, context.signal)) {
      if (request.trigger === 'event') await planChanged(runId, found, planning, context, deps)
      else if ('error' in found) await countUnlisted(runId, request, found, deps)
      else await planBackups(runId, [found], planning, context, deps)
    }
  } else {
    const pages = listSubjects(request.mode, cursor, cvat, issues, context.signal, seen)
    // The server makes the next page while this one is held against the directory.
    for await (const page of oneAhead(pages)) {
      const admitted = page.subjects.filter((subject) => isAdmitted(subject, deps.filters))
      const own = await leaveOutScratch(admitted, deps.store)
      await deps.excluded.note(mode, startedAtMs, page.subjects.filter(isLeftOut(deps)).map(describeExcluded(deps)))
      await planBackups(runId, own, planning, context, deps)
      await ledger.advance(runId, page.cursor)
    }
  }
  if (isWhole) {
    await deps.protection.endListing(mode, startedAtMs, context.signal)
    await deps.excluded.endListing(mode, startedAtMs, context.signal)
  }
  if (sawEverything(request, deps)) await noteDeleted(context, { ...deps, seen })
  await ledger.endListing(runId)
  const account = await ledger.read(runId)
  return `${account?.total ?? 0} entities listed`
}

/** Nobody has asked for it by name: what the settings or a drill leave out, and what has gone meanwhile, is nobody's failure. */
async function planChanged(
  runId: string,
  found: Subject | Unlisted,
  planning: Planning,
  context: JobContext<unknown>,
  deps: StartRunDeps,
): Promise<void> {
  if ('error' in found) {
    const fields = { entity: formatEntity(found.entity), reason: describeError(found.error) }
    context.logger.info(fields, 'a change was told of something that cannot be had')
    return
  }
  const isElsewhere = deps.organization !== undefined && found.organization !== deps.organization
  if (isElsewhere || !isAdmitted(found, deps.filters)) return
  await planBackups(runId, await leaveOutScratch([found], deps.store), planning, context, deps)
}

function isLeftOut({ filters }: StartRunDeps) {
  return (subject: Subject) => !isAdmitted(subject, filters)
}

function describeExcluded({ serverUrl }: StartRunDeps) {
  return ({ entity, name, organization }: Subject): ExcludedEntity => {
    return { entity, name: name.toWellFormed(), organization, link: linkTo(entity, serverUrl) }
  }
}

/** Told once for the run, not by each of its exports. */
async function assertFormat({ cvat, annotations }: StartRunDeps, signal: AbortSignal): Promise<void> {
  const formats = await cvat.listFormats(signal)
  if (formats.some(({ name, enabled }) => enabled && name === annotations.format)) return
  throw new BackupError(`the server has no export format «${annotations.format}»`, {
    code: 'unknown-format',
    retryable: false,
    hint: `Set CVAT_BACKUP_FORMAT to one of: ${formats.map(({ name }) => name).join(', ')}.`,
  })
}

/** A failure is not the run's: what was not noted now is noted after the next listing. */
async function noteDeleted(
  { signal, logger }: JobContext<unknown>,
  deps: StartRunDeps & Pick<MarkDeletedDeps, 'seen'>,
): Promise<void> {
  const { include, exclude } = deps.filters
  if (include || exclude || deps.organization) return
  try {
    await markDeleted(deps, logger, signal)
  } catch (error) {
    signal.throwIfAborted()
    logger.warn({ reason: describeError(error) }, 'what was deleted on the server could not be noted')
  }
}

/** An entity that was asked for by id and is not there counts as failed. */
async function countUnlisted(runId: string, request: StartRun, found: Unlisted, deps: StartRunDeps): Promise<void> {
  const series: Series = { entity: found.entity, content: contentOf(request, deps) }
  const key = formatSeries(series)
  const backupId = `${runId}.${key}`
  const name = formatEntity(found.entity)
  await deps.ledger.plan(runId, { series: key, name, action: 'backup', reason: 'asked for', backupId })
  const { message: reason, code } = found.error
  await deps.outcomes.add({
    name,
    payload: { backupId, runId, series, name, result: 'failed', sizeBytes: 0, reason, code },
  })
}

function contentOf(request: StartRun, deps: StartRunDeps): ArchiveContent {
  return request.mode === 'a' ? { kind: 'annotations', ...deps.annotations } : { kind: 'backup' }
}
