// Reads from the server what no archive of it holds, row by row.

import type { CvatClient, JobRow, TaskRow } from '#shared/cvat/client.ts'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { WorkflowGap, WorkflowRow } from '#shared/model/workflow.ts'
import { WorkflowTally } from '#shared/model/workflow-digest.ts'
import type { WorkflowConclusion } from '#shared/store/write-workflow.ts'

export type WorkflowClient = Pick<
  CvatClient,
  'getProject' | 'getTask' | 'listTasks' | 'listJobs' | 'listIssues' | 'listComments'
>

/** Jobs asked about in one call: their ids travel in the address, which stays below 4 kB. */
const JOBS_AT_ONCE = 200

/**
 * The project, its tasks and jobs, then the issues and comments of those jobs that have any. Of the rows none is kept but
 * the ids of these jobs. What the server will not tell of issues and comments (an old version, a right that is missing) is
 * named in the conclusion, and the rest is given all the same.
 *
 * @throws BackupError what the client throws, about tasks and jobs in any case
 */
export async function* readWorkflow(
  entity: EntityRef,
  organization: string | null,
  cvat: WorkflowClient,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRow, WorkflowConclusion> {
  const tally = new WorkflowTally()
  const withIssues: number[] = []
  if (entity.type === 'project') {
    const row = await cvat.getProject(entity.id, signal)
    tally.addProject(row)
    const { id, name, owner, assignee } = row
    yield { type: 'project', id, name, organization, owner, assignee, updatedDate: row.updated_date }
    let position = 0
    for await (const page of cvat.listTasks({ projectId: entity.id }, signal)) {
      for (const task of page) {
        tally.addTask(task)
        yield describeTask(task, position, organization)
        position += 1
      }
    }
  } else {
    const task = await cvat.getTask(entity.id, signal)
    tally.addTask(task)
    yield describeTask(task, 0, organization)
  }
  const scope = entity.type === 'project' ? { projectId: entity.id } : { taskId: entity.id }
  for await (const page of cvat.listJobs(scope, signal)) {
    for (const job of page) {
      tally.addJob(job)
      if (job.issues !== 0) withIssues.push(job.id)
      yield describeJob(job)
    }
  }
  const missing = yield* readIssues(withIssues, tally, cvat, signal)
  return { digest: tally.digest(missing.every(({ what }) => what !== 'issues')), missing }
}

async function* readIssues(
  jobIds: readonly number[],
  tally: WorkflowTally,
  cvat: WorkflowClient,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRow, WorkflowGap[]> {
  const missing = new Map<WorkflowGap['what'], string>()
  for (let start = 0; start < jobIds.length; start += JOBS_AT_ONCE) {
    const chunk = { jobIdIn: jobIds.slice(start, start + JOBS_AT_ONCE) }
    if (!missing.has('issues')) {
      const reason = yield* unlessRefused(listIssues(chunk, tally, cvat, signal), signal)
      if (reason !== undefined) missing.set('issues', reason)
    }
    // Without their issues comments are of no use.
    if (!missing.has('issues') && !missing.has('comments')) {
      const reason = yield* unlessRefused(listComments(chunk, cvat, signal), signal)
      if (reason !== undefined) missing.set('comments', reason)
    }
  }
  return [...missing].map(([what, reason]) => ({ what, reason }))
}

async function* listIssues(
  chunk: { readonly jobIdIn: readonly number[] },
  tally: WorkflowTally,
  cvat: WorkflowClient,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRow> {
  for await (const page of cvat.listIssues(chunk, signal)) {
    for (const issue of page) {
      tally.addIssue(issue)
      const { id, frame, position, resolved, owner, assignee } = issue
      const dates = { createdDate: issue.created_date, updatedDate: issue.updated_date }
      yield { type: 'issue', id, jobId: issue.job, frame, position, resolved, owner, assignee, ...dates }
    }
  }
}

async function* listComments(
  chunk: { readonly jobIdIn: readonly number[] },
  cvat: WorkflowClient,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRow> {
  for await (const page of cvat.listComments(chunk, signal)) {
    for (const { id, issue, owner, message, created_date, updated_date } of page) {
      const dates = { createdDate: created_date, updatedDate: updated_date }
      yield { type: 'comment', id, issueId: issue, owner, text: message, ...dates }
    }
  }
}

/** Why the server will not tell; undefined when it has. What may pass by itself is thrown, for another try. */
async function* unlessRefused(
  rows: AsyncGenerator<WorkflowRow>,
  signal: AbortSignal,
): AsyncGenerator<WorkflowRow, string | undefined> {
  try {
    yield* rows
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof BackupError) || error.retryable || error.code === 'login-failed') throw error
    return describeError(error)
  }
}

function describeTask(task: TaskRow, position: number, organization: string | null): WorkflowRow {
  const { id, name, status, owner, assignee } = task
  return { type: 'task', id, name, position, organization, status, owner, assignee, updatedDate: task.updated_date }
}

function describeJob(job: JobRow): WorkflowRow {
  const { id, stage, state, assignee } = job
  return {
    type: 'job',
    id,
    taskId: job.task_id,
    jobType: job.type,
    startFrame: job.start_frame,
    stopFrame: job.stop_frame,
    parentJobId: job.parent_job_id,
    stage,
    state,
    assignee,
    updatedDate: job.updated_date,
  }
}
