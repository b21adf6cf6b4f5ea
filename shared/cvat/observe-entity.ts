// Reads what the server says of an entity now, before its export is asked for.

import type { EntityRef } from '#shared/model/entity.ts'
import type { Observation, TaskObservation } from '#shared/model/observation.ts'
import { newestDate } from '#shared/model/server-date.ts'
import type { CvatClient } from './client.ts'

type ObservingClient = Pick<CvatClient, 'getProject' | 'getTask' | 'listTasks' | 'listJobs'>
type TaskRow = Awaited<ReturnType<CvatClient['getTask']>>

/**
 * The entity's dates, its tasks ordered by id and their jobs' dates. Two or three requests.
 *
 * @throws BackupError `not-found` or `forbidden` when the entity has gone or is not ours to see
 */
export async function observeEntity(
  entity: EntityRef,
  organization: string | null,
  cvat: ObservingClient,
  signal: AbortSignal,
): Promise<Observation> {
  if (entity.type === 'task') {
    const row = await cvat.getTask(entity.id, signal)
    const jobs = await observeJobs(cvat.listJobs({ taskId: entity.id }, signal))
    return { name: row.name, organization, updatedDate: row.updated_date, tasks: [observeTask(row, jobs)] }
  }
  const row = await cvat.getProject(entity.id, signal)
  const rows: TaskRow[] = []
  for await (const page of cvat.listTasks({ projectId: entity.id }, signal)) rows.push(...page)
  const jobs = await observeJobs(cvat.listJobs({ projectId: entity.id }, signal))
  return {
    name: row.name,
    organization,
    updatedDate: row.updated_date,
    tasks: rows.sort((a, b) => a.id - b.id).map((task) => observeTask(task, jobs)),
  }
}

interface JobSummary {
  count: number
  groundTruth: number
  newest: string | null
  newestId: number | null
}

async function observeJobs(pages: ReturnType<CvatClient['listJobs']>): Promise<Map<number, JobSummary>> {
  const byTask = new Map<number, JobSummary>()
  for await (const page of pages) {
    for (const job of page) {
      const summary = byTask.get(job.task_id) ?? { count: 0, groundTruth: 0, newest: null, newestId: null }
      summary.count++
      if (job.type === 'ground_truth') summary.groundTruth++
      summary.newest = newestDate([summary.newest, job.updated_date])
      summary.newestId = Math.max(summary.newestId ?? 0, job.id)
      byTask.set(job.task_id, summary)
    }
  }
  return byTask
}

function observeTask(row: TaskRow, jobs: Map<number, JobSummary>): TaskObservation {
  const summary = jobs.get(row.id)
  return {
    id: row.id,
    name: row.name,
    subset: row.subset,
    size: row.size,
    updatedDate: row.updated_date,
    jobCount: summary?.count ?? 0,
    newestJobDate: summary?.newest ?? null,
    newestJobId: summary?.newestId ?? null,
    groundTruthJobs: summary?.groundTruth ?? 0,
  }
}
