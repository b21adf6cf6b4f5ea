// What becomes of a change that CVAT has told of: once it is quiet, a run of everything that is due. Safe to repeat.

import type { Changes } from '#shared/coordination/changes.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { addChanges } from '#shared/queues/add-changes.ts'
import type { ChangePayload } from '#shared/queues/changes-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { RunPayload } from '#shared/queues/runs-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { Postponed } from '#shared/service/postponed.ts'

export interface TakeChangesDeps {
  readonly changes: Changes
  readonly queue: OpenQueue<ChangePayload>
  readonly runs: OpenQueue<RunPayload>
  readonly cvat: Pick<CvatClient, 'getJob' | 'getIssue'>
}

/** The batch of those whose own job was lost. */
const OVERDUE = 'overdue'
/** So much later than they were due. */
const OVERDUE_MS = 60_000

export async function takeChange(
  payload: ChangePayload,
  { jobId, signal }: Pick<JobContext<ChangePayload>, 'jobId' | 'signal'>,
  deps: TakeChangesDeps,
): Promise<string> {
  if (payload.do === 'find') return findChanged(payload, signal, deps)
  const taken = await deps.changes.take(jobId, payload, Date.now())
  if (taken === 'gone') return 'it is in the run of another change'
  if ('dueAtMs' in taken) throw new Postponed('more has changed', Math.max(1, taken.dueAtMs - Date.now()))
  await addRun(taken.entities, `changes.${jobId}`, deps)
  await deps.changes.drop(jobId)
  return `a run of ${taken.entities.length}`
}

/** Changes whose job is gone: removed by hand, or never added by a listener that died. */
export async function takeOverdue(deps: Omit<TakeChangesDeps, 'cvat' | 'queue'>): Promise<void> {
  const nowMs = Date.now()
  const taken = await deps.changes.take(OVERDUE, undefined, nowMs - OVERDUE_MS)
  if (taken === 'gone' || 'dueAtMs' in taken || taken.entities.length === 0) return
  await addRun(taken.entities, `changes.${OVERDUE}.${nowMs}`, deps)
  await deps.changes.drop(OVERDUE)
}

async function addRun(
  entities: readonly EntityRef[],
  jobId: string,
  { runs }: Pick<TakeChangesDeps, 'runs'>,
): Promise<void> {
  await runs.add({
    name: `run of ${entities.length} that changed`,
    jobId,
    payload: { do: 'start-run', mode: 'p', full: false, entities: [...entities], trigger: 'event' },
  })
}

async function findChanged(
  { about, quietMs, longestMs }: Extract<ChangePayload, { do: 'find' }>,
  signal: AbortSignal,
  deps: TakeChangesDeps,
): Promise<string> {
  try {
    const jobId = about.type === 'job' ? about.id : (await deps.cvat.getIssue(about.id, signal)).job
    const { project_id, task_id } = await deps.cvat.getJob(jobId, signal)
    const entity: EntityRef = project_id === null ? { type: 'task', id: task_id } : { type: 'project', id: project_id }
    await addChanges([entity], { quietMs, longestMs }, deps)
    return `it is of ${entity.type} ${entity.id}`
  } catch (error) {
    // It has gone, or is nobody's business: there is nothing to back up for its sake.
    if (error instanceof BackupError && (error.code === 'not-found' || error.code === 'forbidden')) return error.message
    throw error
  }
}
