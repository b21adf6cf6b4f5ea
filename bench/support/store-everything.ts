// Fills a backup directory as if a run had just backed up all of a server: an archive and a sidecar for each project.

import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSubjects } from '#services/scheduler/list-subjects.ts'
import { IssueCounter } from '#services/scheduler/tally-subjects.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { newestDate } from '#shared/model/server-date.ts'
import { openStore } from '#shared/store/open-store.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import { formatWorkflowName } from '#shared/store/workflow-name.ts'
import { writeArchive } from '../../test/support/write-archives.ts'

/** Gives the number of projects. Holds all tasks of the server meanwhile. */
export async function storeEverything(
  directory: string,
  cvat: CvatClient,
  serverUrl: string,
  signal: AbortSignal,
): Promise<number> {
  await openStore({ directory }).checkDirectory()
  const tasks = await observeTasks(cvat, signal)
  const createdAt = new Date(Date.now() - 3600_000).toISOString()
  const issues = new IssueCounter(cvat, signal, (error) => {
    throw error
  })
  let count = 0
  for await (const { subjects } of listSubjects('p', '', cvat, issues, signal)) {
    for (const { entity, name, organization, digest, workflow } of subjects) {
      const observation = { name, organization, updatedDate: digest.updatedDate, tasks: tasks.get(entity.id) ?? [] }
      const record = writeArchive(directory, { entity, serverUrl, observation, createdAt })
      const { origin } = record
      const server = { url: normaliseServerUrl(serverUrl), version: '2.64.1' }
      const head = { type: 'workflow', formatVersion: 1, entity, server, takenAt: createdAt, origin }
      const first = `${JSON.stringify(head)}\n`
      const end = { type: 'end', tasks: 0, jobs: 0, issues: 0, comments: 0, missing: [], digest: workflow }
      const last = `${JSON.stringify({ ...end, sha256: hash('sha256', first) })}\n`
      const fileName = formatWorkflowName({ takenAt: createdAt, serverUrl, backupId: origin.backupId })
      writeFileSync(join(directory, formatEntity(entity), fileName), first + last)
      count++
    }
  }
  return count
}

/** By project. */
async function observeTasks(cvat: CvatClient, signal: AbortSignal): Promise<Map<number, TaskObservation[]>> {
  const byProject = new Map<number, TaskObservation[]>()
  const byId = new Map<number, { -readonly [Key in keyof TaskObservation]: TaskObservation[Key] }>()
  for await (const page of cvat.listTasks({ all: true }, signal)) {
    for (const { id, name, subset, size, updated_date: updatedDate, project_id } of page) {
      const task = { id, name, subset, size, updatedDate, jobCount: 0, newestJobDate: null, newestJobId: null }
      byId.set(id, task)
      byProject.set(project_id ?? 0, [...(byProject.get(project_id ?? 0) ?? []), task])
    }
  }
  const everyProject = { projectIds: { from: 1, to: 2 ** 31 - 1 } }
  for await (const page of cvat.listJobs(everyProject, signal)) {
    for (const { id, task_id, updated_date } of page) {
      const task = byId.get(task_id)!
      task.jobCount++
      task.newestJobDate = newestDate([task.newestJobDate, updated_date])
      task.newestJobId = Math.max(task.newestJobId ?? 0, id)
    }
  }
  return byProject
}
