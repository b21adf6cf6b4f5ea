// What a snapshot is made of and what it is worth: pure, from the archives that were found for its tasks.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import {
  type ArchiveRecord,
  isGood,
  type Problem,
  type SnapshotPart,
  STALE,
  type TaskMembers,
} from '#shared/store/record.ts'
import { warnAboutEmptyTasks } from '#shared/store/restore-warnings.ts'
import type { SnapshotDraft } from './commit-snapshot.ts'
import type { FoundPart } from './find-parts.ts'
import { describeWarnings } from './judge-stored.ts'

const NAMED = 10

export interface DescribedParts {
  readonly parts: SnapshotPart[]
  /** Of each task the state in which the snapshot has it; of one that it lacks, or has only an old state of, the present one. */
  readonly rows: TaskObservation[]
  readonly inspection: Inspection
}

/** @param projectPart what reading the project part back has shown */
export function describeParts(
  { job, observation, parts: found }: Pick<SnapshotDraft, 'job' | 'observation' | 'parts'>,
  projectPart: Inspection,
  madeWarnings: readonly Problem[],
): DescribedParts {
  const parts: SnapshotPart[] = []
  const perTask: TaskMembers[] = []
  const problems: Problem[] = []
  const warnings: Problem[] = [...projectPart.warnings, ...madeWarnings, ...warnAboutEmptyTasks(observation)]
  const rows = new Map(observation.tasks.map((task) => [task.id, task]))
  let members = projectPart.members.count
  let isFresh = true
  for (const part of found) {
    const { task, position, newest, isExact } = part
    const isDrifted = !isExact && isOwnOf(job.startedAt, part)
    if (!isExact && !isDrifted) problems.push(describeFault(part))
    if (!newest) continue
    const { record } = newest
    const { fileName, sizeBytes, sha256 } = record.archive
    const archive = { fileName, sizeBytes, sha256 }
    const drifted = isDrifted ? { isDrifted: true as const } : {}
    const media = record.mediaFrom && { mediaFrom: record.mediaFrom }
    parts.push({ position, taskId: task.id, observedAt: record.createdAt, ...drifted, archive, ...media })
    if (isDrifted) rows.set(task.id, record.observation.tasks[0] ?? task)
    const [row] = record.members.perTask
    perTask.push({ name: task.name, frames: task.size, ...row, position, taskId: task.id })
    members += record.members.count
    warnings.push(...record.verification.warnings.map((warning) => ({ ...warning, taskId: task.id })))
    if (record.verification.level !== 'fresh') isFresh = false
  }
  const isMissing = problems.some(({ code }) => code !== STALE)
  const level = isMissing ? 'sound' : isFresh && problems.length === 0 ? 'fresh' : 'complete'
  return {
    parts,
    rows: observation.tasks.map(({ id }) => rows.get(id)!),
    inspection: { ...projectPart, level, members: { count: members, perTask }, problems, warnings },
  }
}

/** Whether the archive was made for this very snapshot, and its task has changed again since. */
export function isOwnOf(startedAt: string | undefined, { newest }: Pick<FoundPart, 'newest'>): boolean {
  if (!newest || startedAt === undefined) return false
  // An export that another run had asked for before is its own, too, if it came in since.
  const { createdAt, verification } = newest.record
  return Math.max(Date.parse(createdAt), Date.parse(verification.checkedAt)) >= Date.parse(startedAt)
}

function describeFault({ task, newest }: FoundPart): Problem {
  const what = `Task ${task.id} could not be backed up in its present state`
  return newest
    ? { code: STALE, taskId: task.id, message: `${what}: it is there as of ${newest.record.createdAt}` }
    : { code: 'missing-task', taskId: task.id, message: `${what}, and there is no earlier archive of it` }
}

/** @throws BackupError `parts-failed`, with the reasons of the tasks */
export function assertSnapshotGood(record: ArchiveRecord, failed: ReadonlyMap<number, string>): void {
  if (isGood(record)) return
  const tasks = record.verification.problems.flatMap(({ taskId }) => taskId ?? [])
  const named = tasks.slice(0, 5).map((id) => `task ${id}: ${failed.get(id) ?? 'no archive of its present state'}`)
  const more = tasks.length > named.length ? `; and ${tasks.length - named.length} more` : ''
  const text = `${tasks.length} of its tasks could not be backed up. ${named.join('; ')}${more}`
  throw new BackupError(text.length > 1_500 ? `${text.slice(0, 1_499)}…` : text, {
    code: 'parts-failed',
    retryable: false,
    hint: 'The snapshot is kept and marked, with all other tasks as they are now. Once the cause is gone, retry the failed tasks and then this job, or wait for the next run: only what is missing is exported.',
  })
}

/** What a done snapshot's outcome says besides its size. */
export function describeSnapshot(record: ArchiveRecord): Pick<Outcome, 'reason'> {
  const drifted = record.snapshot?.parts.filter(({ isDrifted }) => isDrifted) ?? []
  const ids = drifted.slice(0, NAMED).map(({ taskId }) => taskId)
  const more = drifted.length > NAMED ? ` and ${drifted.length - NAMED} more` : ''
  const about =
    drifted.length === 0
      ? []
      : [`${drifted.length === 1 ? 'task' : 'tasks'} ${ids.join(', ')}${more} changed again since exported`]
  const reasons = [...about, ...describeWarnings(record)]
  return reasons.length === 0 ? {} : { reason: reasons.join('; ').slice(0, 1_500) }
}
