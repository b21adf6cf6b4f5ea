// One job of the snapshots queue: a project's backup made of its tasks' archives (docs/decisions/0020-incremental-backups.md).

import type { Claims } from '#shared/coordination/claims.ts'
import { nameRound } from '#shared/coordination/name-round.ts'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import type { LabelDescription } from '#shared/cvat/description-calls.ts'
import { observeEntity } from '#shared/cvat/observe-entity.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { formatSeries } from '#shared/model/series.ts'
import { quoteName } from '#shared/presentation/format.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { SnapshotPayload } from '#shared/queues/snapshots-queue.ts'
import type { SweepPayload } from '#shared/queues/sweeps-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { isBackupActive } from '#shared/service/is-backup-active.ts'
import { Postponed } from '#shared/service/postponed.ts'
import { isGood, isSnapshot } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { type CommitSnapshotDeps, commitSnapshot } from './commit-snapshot.ts'
import type { DiskRoom } from './disk-room.ts'
import { type FoundPart, findParts } from './find-parts.ts'
import { findUnknownLabels } from './find-unknown-labels.ts'
import { aboutSnapshot, describeSnapshot } from './judge-snapshot.ts'
import { findWholeWith, listWholeArchives, takeTaskOut } from './take-apart.ts'
import { joinReasons } from './take-workflow.ts'

export interface SnapshotDeps extends CommitSnapshotDeps {
  readonly room: Pick<DiskRoom, 'promise'>
  readonly claims: Claims
  readonly ledger: Pick<RunLedger, 'waiting' | 'wasEntered' | 'failureOf'>
  readonly sweeps: OpenQueue<SweepPayload>
  readonly outcomes: OpenQueue<Outcome>
  /** CVAT_BACKUP_SNAPSHOT_DRIFT. */
  readonly driftMs: number
}

/** How often tasks are asked for in one snapshot: the first time, and when they drift. */
const MOST_ROUNDS = 5
const SHORTEST_WAIT_MS = 400
const LONGEST_WAIT_MS = 15_000
/** The scheduler enters tasks within moments; when it is down its queue waits, and so does this for a while. */
const MOST_ENTERING_MS = 3600_000

/** Safe to run twice: what it has asked for is in the job, what there is by then is in the folders. */
export async function makeSnapshot(
  payload: SnapshotPayload,
  context: JobContext<SnapshotPayload>,
  deps: SnapshotDeps,
): Promise<string> {
  const { backupId, runId } = payload
  const answer = await deps.claims.hold({
    series: formatSeries(payload.series),
    backupId,
    runId,
    queue: 'snapshots',
    jobId: context.jobId,
    isOwnJob: true,
  })
  if (!answer.held) {
    await deps.store.discardPartials(backupId)
    return answer.why === 'superseded' ? `superseded by ${answer.by}` : 'nobody waits for it any more'
  }
  const stored = await findStored(payload, deps)
  if (stored) return finish(payload, stored, undefined, deps)

  let job = payload
  if (job.startedAt === undefined) {
    job = { ...job, startedAt: new Date().toISOString() }
    await context.save(job)
  }
  const waiting = await findAwaited(job, deps)
  if (waiting !== undefined) throw postpone(job, waiting)

  await context.progress({ phase: 'observe' })
  const observedAtMs = Date.now()
  const { entity } = job.series
  // Before the tasks, whose dates all move when a label changes: what is of their observed states has these labels.
  const labels = await deps.cvat.descriptions.listLabels(entity.id, context.signal)
  const observation = await observeEntity(entity, job.organization, deps.cvat, context.signal)
  const notBefore = job.full ? job.startedAt : undefined
  let parts = await findParts(observation.tasks, deps, notBefore)
  if (!job.full && (await takeOutOfWholes(parts, job, context, deps))) {
    parts = await findParts(observation.tasks, deps)
  }
  const failed = await findFailures(parts, job, deps)
  const drifted = parts.filter((part) => isDrifted(part, job, failed))
  const outdated = await findOutdated(drifted, labels, context.signal)
  const wanted = parts.filter((part) => isWanted(part, job, { failed, outdated, driftMs: deps.driftMs }))
  if (wanted.length > 0) {
    job = await askFor(
      wanted.map(({ task }) => task),
      job,
      context,
      deps,
    )
    throw postpone(job, wanted.length)
  }
  const draft = {
    ...{ job, observation, observedAtMs, labels, parts },
    drifted: new Set(drifted.filter(({ task }) => !outdated.has(task.id)).map(({ task }) => task.id)),
    failed: new Map([...failed, ...outdated]),
  }
  const { archive, note } = await commitSnapshot(draft, context, deps)
  return finish(job, archive, note, deps)
}

/** What an earlier run of this handler has stored, if it is whole and all of it is there. */
async function findStored(payload: SnapshotPayload, deps: SnapshotDeps): Promise<StoredArchive | undefined> {
  const { entity } = payload.series
  const isActive = async (id: string) => id !== payload.backupId && (await isBackupActive(id, deps.claims))
  await deps.store.recoverEntity(entity, { isActive })
  const stored = await deps.store.findByBackupId(entity, payload.backupId)
  if (!stored || !isGood(stored.record) || !isSnapshot(stored.record)) return undefined
  const problems = await deps.store.checkParts({ entity, parts: stored.record.snapshot.parts })
  return problems.length === 0 ? stored : undefined
}

/** How many of the tasks that were asked for may still be under way; undefined when all have ended, well or not. */
async function findAwaited({ asked, series, backupId, runId }: SnapshotPayload, deps: SnapshotDeps) {
  if (!asked) return undefined
  const { runs } = await deps.ledger.waiting(formatSeries(series), { backupId, runId })
  for (const [index, id] of asked.taskIds.entries()) {
    const left = asked.taskIds.length - index
    const own = seriesOf(id)
    // In this order: entering takes the claim, and the claim goes when it has ended.
    if (!(await wasEntered(runs, nameRound(own, asked.round), deps))) {
      if (Date.now() - Date.parse(asked.at) > MOST_ENTERING_MS) throw neverEntered(id)
      return left
    }
    if (await deps.claims.read(own)) return left
  }
  return undefined
}

async function wasEntered(runs: readonly string[], listedAs: string, { ledger }: SnapshotDeps): Promise<boolean> {
  for (const run of runs) if (await ledger.wasEntered(run, listedAs)) return true
  return false
}

/** The longer it has taken, the rarer it looks. */
function postpone({ asked }: SnapshotPayload, left: number): Postponed {
  const waitedMs = asked ? Math.max(0, Date.now() - Date.parse(asked.at)) : 0
  const delayMs = Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, waitedMs / 10))
  return new Postponed(`waits for ${left} tasks`, delayMs)
}

/**
 * Whether the task was backed up for this snapshot, or found unchanged by then, and has changed again since. The run's account
 * tells, not a date in the archive's record: a re-check in the meantime moves one of an archive of last year.
 */
function isDrifted(
  { task, newest, isExact }: FoundPart,
  { tried }: SnapshotPayload,
  failed: ReadonlyMap<number, string>,
): boolean {
  return !isExact && newest !== undefined && tried?.includes(task.id) === true && !failed.has(task.id)
}

/** A task that was asked for and has failed: asking again in this run would be no use. */
function isWanted(
  { task, newest, isExact }: FoundPart,
  { tried, asked }: SnapshotPayload,
  known: {
    readonly failed: ReadonlyMap<number, string>
    readonly outdated: ReadonlyMap<number, string>
    readonly driftMs: number
  },
): boolean {
  if (isExact || (asked?.round ?? 0) >= MOST_ROUNDS) return false
  if (!tried?.includes(task.id)) return true
  if (!newest || known.failed.has(task.id)) return false
  return known.outdated.has(task.id) || Date.now() - Date.parse(newest.record.createdAt) > known.driftMs
}

/**
 * Of the tasks that have drifted, however little, those that could not be restored with what the project is now: they have
 * labels that were renamed or removed since, or are of the project that they have come from.
 */
async function findOutdated(
  drifted: readonly FoundPart[],
  labels: readonly LabelDescription[],
  signal: AbortSignal,
): Promise<Map<number, string>> {
  const outdated = new Map<number, string>()
  for (const { task, newest } of drifted) {
    const unknown = await findUnknownLabels(newest!.archivePath, labels, signal)
    if (unknown.length === 0) continue
    const shown = unknown.slice(0, 3).map(quoteName).join(', ')
    outdated.set(task.id, `its archive has labels that its project no longer has: ${shown}`)
  }
  return outdated
}

/** Added, then noted: a crash in between adds the same again, and entering it twice changes nothing. */
async function askFor(
  tasks: readonly TaskObservation[],
  job: SnapshotPayload,
  context: JobContext<SnapshotPayload>,
  deps: SnapshotDeps,
): Promise<SnapshotPayload> {
  const { backupId, runId, series, name, organization } = job
  const round = (job.asked?.round ?? 0) + 1
  await deps.outcomes.add({
    name,
    payload: {
      backupId,
      runId,
      series,
      name,
      result: 'parts',
      sizeBytes: 0,
      alsoBackUp: { organization, tasks: [...tasks], round },
    },
  })
  const taskIds = tasks.map(({ id }) => id)
  const tried = [...new Set([...(job.tried ?? []), ...taskIds])]
  const asked: SnapshotPayload = { ...job, tried, asked: { round, at: new Date().toISOString(), taskIds } }
  await context.save(asked)
  await context.progress({ phase: 'tasks', tasks: taskIds.length, round })
  context.logger.info({ tasks: taskIds.length, round }, 'tasks are backed up for a snapshot')
  return asked
}

async function takeOutOfWholes(
  parts: readonly FoundPart[],
  job: SnapshotPayload,
  context: JobContext<SnapshotPayload>,
  deps: SnapshotDeps,
): Promise<boolean> {
  const missing = parts.filter(({ task, isExact }) => !isExact && !job.tried?.includes(task.id))
  if (missing.length === 0) return false
  const wholes = await listWholeArchives(job.series.entity, deps)
  let taken = 0
  for (const { task } of missing) {
    context.signal.throwIfAborted()
    const whole = findWholeWith(task, wholes)
    if (!whole) continue
    await context.progress({ phase: 'take apart', archive: whole.record.archive.fileName, task: task.id })
    if (await takeTaskOut(whole, task.id, job, deps, context.signal)) taken += 1
  }
  if (taken > 0) context.logger.info({ tasks: taken }, 'tasks were taken out of an archive of the whole project')
  return taken > 0
}

/** Why tasks that were asked for have no archive of their present state, of those whose backup has failed. */
async function findFailures(
  parts: readonly FoundPart[],
  { tried, series, backupId, runId }: SnapshotPayload,
  deps: SnapshotDeps,
): Promise<Map<number, string>> {
  const failures = new Map<number, string>()
  const asked = parts.filter(({ task, isExact }) => !isExact && tried?.includes(task.id))
  if (asked.length === 0) return failures
  const { runs } = await deps.ledger.waiting(formatSeries(series), { backupId, runId })
  for (const { task } of asked) {
    for (const run of runs) {
      const failure = await deps.ledger.failureOf(run, seriesOf(task.id))
      if (failure) failures.set(task.id, failure.reason)
    }
  }
  return failures
}

async function finish(
  payload: SnapshotPayload,
  archive: StoredArchive,
  note: string | undefined,
  deps: SnapshotDeps,
): Promise<string> {
  const { backupId, runId, series, name } = payload
  const { entity } = series
  const { record } = archive
  await deps.store.discardPartials(backupId)
  await deps.sweeps.add({ name, payload: { entity } })
  const told = describeSnapshot(record)
  const { sizeBytes, fileName } = record.archive
  await deps.outcomes.add({
    name,
    payload: {
      backupId,
      runId,
      series,
      name,
      result: 'done',
      sizeBytes,
      archive: { createdAt: record.createdAt, level: record.verification.level },
      about: aboutSnapshot(record),
      ...joinReasons(told, note),
    },
  })
  return told.reason === undefined ? fileName : `${fileName}: ${told.reason}`
}

function seriesOf(taskId: number): string {
  return formatSeries({ entity: { type: 'task', id: taskId }, content: { kind: 'backup' } })
}

function neverEntered(taskId: number): BackupError {
  return new BackupError(`task ${taskId} was to be backed up for this snapshot, and no run has taken it up`, {
    code: 'parts-not-entered',
    retryable: true,
    hint: 'Is a scheduler running? The next run makes the snapshot.',
  })
}
