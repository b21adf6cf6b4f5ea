// What no archive of CVAT holds: who works on what, and how far each job is. Put back through the API on what was restored,
// as far as the target has the users, with a word on all that could not be.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { JobRow } from '#shared/cvat/rows.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import type { UploadedTask } from './compose-upload.ts'

type JobWork = Extract<WorkflowRow, { type: 'job' }>

export type PutBackClient = Pick<CvatClient, 'listTasks' | 'listJobs' | 'changes'>

/**
 * May run twice. Only what differs from what CVAT gives a restored job is sent: stage `annotation`, state `new`, nobody.
 *
 * @param tasks what was uploaded, in the order in which the target has made it
 * @returns what could not be put back; empty when all was
 */
export async function putBack(
  restored: EntityRef,
  tasks: readonly UploadedTask[],
  rows: AsyncIterable<WorkflowRow>,
  cvat: PutBackClient,
  signal: AbortSignal,
): Promise<string[]> {
  const work = await collectWork(rows)
  const people = openPeople(cvat, signal)
  const refusals = new Map<string, number>()
  /** A refusal for good is told; what may pass by itself lets the whole step be tried again. */
  const attempt = async (what: string, change: () => Promise<void>) => {
    try {
      await change()
    } catch (error) {
      if (!(error instanceof BackupError) || error.retryable || error.code === 'not-found') throw error
      const text = `${what}: ${error.message}`
      refusals.set(text, (refusals.get(text) ?? 0) + 1)
    }
  }
  const assign = async (entity: EntityRef, username: string | null) => {
    const userId = await people.find(username)
    if (userId !== undefined) await attempt('assignees', () => cvat.changes.assign(entity, userId, signal))
  }
  let lostJobs = 0
  if (restored.type === 'project') await assign(restored, work.projectAssignee)
  const taskIds = listTaskIds(restored, cvat, signal)
  for (const uploaded of tasks) {
    const next = await taskIds.next()
    if (next.done) break
    const known = work.tasks.get(keyOf(uploaded)) ?? work.byPosition.get(uploaded.position)
    if (!known) continue
    await assign({ type: 'task', id: next.value }, known.assignee)
    const waiting = Map.groupBy(known.jobs, formatRange)
    for await (const page of cvat.listJobs({ taskId: next.value }, signal)) {
      for (const job of page) {
        const was = waiting.get(formatRange(describeJob(job)))?.shift()
        if (was) await putBackJob(job.id, was)
      }
    }
    for (const left of waiting.values()) lostJobs += left.filter(isWorkedOn).length
  }
  return [
    ...[...people.missing].map(
      ([name, count]) => `not put back: the target has no user "${name}", assigned ${count} times`,
    ),
    ...[...refusals].map(([text, count]) => `not put back, ${count} times: ${text}`),
    ...(lostJobs > 0
      ? [`not put back: stage, state or assignee of ${lostJobs} jobs that the archive does not have`]
      : []),
    ...(work.issues > 0
      ? [`not put back: ${work.issues} issues with ${work.comments} comments; they stay in the backup directory`]
      : []),
  ]

  async function putBackJob(jobId: number, { stage, state, assignee }: JobWork): Promise<void> {
    const isNew = (stage ?? 'annotation') === 'annotation' && (state ?? 'new') === 'new'
    // Both at once: a change of the stage alone sets the state back.
    const change = { stage: stage ?? 'annotation', state: state ?? 'new' }
    if (!isNew) await attempt('stages and states of jobs', () => cvat.changes.changeJob(jobId, change, signal))
    const userId = await people.find(assignee)
    if (userId === undefined) return
    await attempt('assignees', () => cvat.changes.changeJob(jobId, { assignee: userId }, signal))
  }
}

interface TaskWork {
  readonly assignee: string | null
  readonly jobs: JobWork[]
}

/** Of one project: its jobs are held, nothing of its issues. */
async function collectWork(rows: AsyncIterable<WorkflowRow>) {
  const tasks = new Map<number, TaskWork>()
  const byPosition = new Map<number, TaskWork>()
  let projectAssignee: string | null = null
  const counts = { issue: 0, comment: 0 }
  for await (const row of rows) {
    if (row.type === 'project') projectAssignee = row.assignee
    else if (row.type === 'task') {
      const task: TaskWork = { assignee: row.assignee, jobs: [] }
      tasks.set(row.id, task)
      byPosition.set(row.position, task)
    } else if (row.type === 'job') tasks.get(row.taskId)?.jobs.push(row)
    else counts[row.type]++
  }
  return { tasks, byPosition, projectAssignee, issues: counts.issue, comments: counts.comment }
}

/** The task's id on the server that was backed up; 0 where nobody knows. */
function keyOf({ source, folder }: UploadedTask): number {
  const row = source.record.members.perTask.find((one) => folder === '' || folder === `task_${one.position}/`)
  return row?.taskId ?? (source.entity.type === 'task' ? source.entity.id : 0)
}

async function* listTaskIds({ type, id }: EntityRef, cvat: PutBackClient, signal: AbortSignal): AsyncGenerator<number> {
  if (type === 'task') yield id
  else for await (const page of cvat.listTasks({ projectId: id }, signal)) yield* page.map((row) => row.id)
}

function describeJob({ type, start_frame, stop_frame }: JobRow) {
  return { jobType: type, startFrame: start_frame, stopFrame: stop_frame }
}

function formatRange({
  jobType,
  startFrame,
  stopFrame,
}: Pick<JobWork, 'jobType' | 'startFrame' | 'stopFrame'>): string {
  return `${jobType} ${startFrame}-${stopFrame}`
}

function isWorkedOn({ stage, state, assignee }: JobWork): boolean {
  return assignee !== null || (stage ?? 'annotation') !== 'annotation' || (state ?? 'new') !== 'new'
}

/** Asks for each name once. */
function openPeople({ changes }: PutBackClient, signal: AbortSignal) {
  const known = new Map<string, number | undefined>()
  const missing = new Map<string, number>()
  return {
    missing,
    async find(username: string | null): Promise<number | undefined> {
      if (username === null) return undefined
      if (!known.has(username)) known.set(username, await changes.findUser(username, signal))
      const id = known.get(username)
      if (id === undefined) missing.set(username, (missing.get(username) ?? 0) + 1)
      return id
    },
  }
}
