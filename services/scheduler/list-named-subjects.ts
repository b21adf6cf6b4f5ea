// The subjects of a run that names its entities (`--project 3 5`, `--task 7`).

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { projectSubject, readSlugs, taskSubject } from './list-subjects.ts'
import type { Subject } from './subject.ts'
import { countJob, countTask, type IssueCounter, newTally, type Tally } from './tally-subjects.ts'

type NamingClient = Pick<CvatClient, 'getProject' | 'getTask' | 'listTasks' | 'listJobs' | 'listOrganizations'>

export interface Unlisted {
  readonly entity: EntityRef
  readonly error: BackupError
}

/** Yields each named entity, or why it cannot be had (`not-found`, `forbidden`): one missing name stops no other. */
export async function* listNamedSubjects(
  entities: readonly EntityRef[],
  mode: Mode,
  cvat: NamingClient,
  issues: IssueCounter,
  signal: AbortSignal,
): AsyncGenerator<Subject | Unlisted> {
  const slugs = await readSlugs(cvat, signal)
  for (const entity of entities) {
    try {
      if (entity.type === 'task') yield await readTask(entity.id)
      else if (mode === 't') yield* readTasksOf(entity.id)
      else yield await readProject(entity.id)
    } catch (error) {
      if (!(error instanceof BackupError) || error.retryable) throw error
      yield { entity, error }
    }
  }

  async function readProject(id: number): Promise<Subject> {
    const row = await cvat.getProject(id, signal)
    const tally = newTally()
    for await (const tasks of cvat.listTasks({ projectId: id }, signal)) {
      for (const task of tasks) countTask(tally, task)
    }
    await countJobs(tally, cvat.listJobs({ projectId: id }, signal))
    return projectSubject(row, tally, slugs)
  }

  async function readTask(id: number): Promise<Subject> {
    const row = await cvat.getTask(id, signal)
    const tally = newTally()
    await countJobs(tally, cvat.listJobs({ taskId: id }, signal))
    return taskSubject(row, tally, slugs)
  }

  async function countJobs(tally: Tally, pages: ReturnType<NamingClient['listJobs']>): Promise<void> {
    for await (const jobs of pages) {
      for (const job of jobs) {
        countJob(tally, job)
        await issues.add(tally, job)
      }
    }
    await issues.flush()
  }

  async function* readTasksOf(projectId: number): AsyncGenerator<Subject> {
    await cvat.getProject(projectId, signal)
    for await (const rows of cvat.listTasks({ projectId }, signal)) {
      for (const row of rows) yield await readTask(row.id)
    }
  }
}
