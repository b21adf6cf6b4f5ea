// Lists what a run is about, page by page: projects with the dates of their tasks and jobs, and tasks. Never more than
// a page of entities is in memory, however many the server has.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { ChangeDigest } from '#shared/model/change-digest.ts'
import { newestDate } from '#shared/model/server-date.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { Subject, SubjectPage } from './subject.ts'

export type ListingClient = Pick<CvatClient, 'listProjects' | 'listTasks' | 'listJobs' | 'listOrganizations'>
type ProjectRow = Awaited<ReturnType<CvatClient['getProject']>>
type TaskRow = Awaited<ReturnType<CvatClient['getTask']>>
type Slugs = ReadonlyMap<number, string>

/** Entities a page: their tasks and jobs are counted while they stream by, so this bounds the memory. */
const PAGE_SIZE = 500

/**
 * All entities of a mode, ordered by id, projects first. `cursor` is where an earlier, interrupted listing stopped
 * (`projects 17` or `tasks 40`), empty for the start.
 */
export async function* listSubjects(
  mode: Mode,
  cursor: string,
  cvat: ListingClient,
  signal: AbortSignal,
): AsyncGenerator<SubjectPage> {
  const { phase, afterId } = parseCursor(cursor, mode)
  const slugs = await readSlugs(cvat, signal)
  if (phase === 'projects') yield* listProjects(afterId, slugs, cvat, signal)
  yield* listTasks(mode === 't' ? 'all' : 'loose', phase === 'tasks' ? afterId : 0, slugs, cvat, signal)
}

async function* listProjects(afterId: number, slugs: Slugs, cvat: ListingClient, signal: AbortSignal) {
  let from = afterId + 1
  for await (const rows of cvat.listProjects({ afterId, pageSize: PAGE_SIZE }, signal)) {
    const to = rows.at(-1)!.id
    const tallies = new Map<number, Tally>(rows.map((row) => [row.id, newTally()]))
    for await (const tasks of cvat.listTasks({ projectIds: { from, to } }, signal)) {
      for (const task of tasks) countTask(tallies.get(task.project_id ?? 0), task.updated_date)
    }
    for await (const jobs of cvat.listJobs({ projectIds: { from, to } }, signal)) {
      for (const job of jobs) countJob(tallies.get(job.project_id ?? 0), job.updated_date)
    }
    const subjects = rows.map((row) => projectSubject(row, tallies.get(row.id)!, slugs))
    yield { subjects, cursor: `projects ${to}` } satisfies SubjectPage
    from = to + 1
  }
}

async function* listTasks(
  which: 'all' | 'loose',
  afterId: number,
  slugs: Slugs,
  cvat: ListingClient,
  signal: AbortSignal,
) {
  const scope = which === 'loose' ? ({ withoutProject: true } as const) : ({ all: true } as const)
  for await (const rows of cvat.listTasks({ ...scope, afterId, pageSize: PAGE_SIZE }, signal)) {
    const tallies = new Map<number, Tally>(rows.map((row) => [row.id, newTally()]))
    for (const jobScope of which === 'all' ? [rangeOf(rows)] : chunksOf(rows)) {
      for await (const jobs of cvat.listJobs(jobScope, signal)) {
        for (const job of jobs) countJob(tallies.get(job.task_id), job.updated_date)
      }
    }
    const subjects = rows.map((row) => taskSubject(row, tallies.get(row.id)!, slugs))
    yield { subjects, cursor: `tasks ${rows.at(-1)!.id}` } satisfies SubjectPage
  }
}

function rangeOf(rows: readonly TaskRow[]) {
  return { taskIds: { from: rows[0]!.id, to: rows.at(-1)!.id } }
}

/** Loose tasks are few among many: their jobs are asked for by id, in chunks that keep the address below 4 kB. */
function chunksOf(rows: readonly TaskRow[]) {
  const chunks: { taskIdIn: number[] }[] = []
  for (let i = 0; i < rows.length; i += 200) chunks.push({ taskIdIn: rows.slice(i, i + 200).map((row) => row.id) })
  return chunks
}

interface Tally {
  taskCount: number
  newestTaskDate: string | null
  jobCount: number
  newestJobDate: string | null
}

export function newTally(): Tally {
  return { taskCount: 0, newestTaskDate: null, jobCount: 0, newestJobDate: null }
}

/** Rows of entities that appeared after the page was read have no tally; the next run sees them. */
export function countTask(tally: Tally | undefined, updatedDate: string): void {
  if (!tally) return
  tally.taskCount++
  tally.newestTaskDate = newestDate([tally.newestTaskDate, updatedDate])
}

export function countJob(tally: Tally | undefined, updatedDate: string): void {
  if (!tally) return
  tally.jobCount++
  tally.newestJobDate = newestDate([tally.newestJobDate, updatedDate])
}

export function projectSubject(row: ProjectRow, tally: Tally, slugs: Slugs): Subject {
  const digest: ChangeDigest = { updatedDate: row.updated_date, ...tally }
  return {
    entity: { type: 'project', id: row.id },
    name: row.name,
    project: undefined,
    organization: slugOf(row.organization_id, slugs),
    digest,
    size: undefined,
  }
}

export function taskSubject(row: TaskRow, tally: Tally, slugs: Slugs): Subject {
  const digest: ChangeDigest = {
    ...tally,
    updatedDate: row.updated_date,
    taskCount: 1,
    newestTaskDate: row.updated_date,
  }
  return {
    entity: { type: 'task', id: row.id },
    name: row.name,
    project: row.project_id === null ? undefined : { id: row.project_id, name: row.project_name ?? '' },
    organization: slugOf(row.organization_id, slugs),
    digest,
    size: row.size,
  }
}

export async function readSlugs(cvat: Pick<ListingClient, 'listOrganizations'>, signal: AbortSignal): Promise<Slugs> {
  const slugs = new Map<number, string>()
  for await (const organization of cvat.listOrganizations(signal)) slugs.set(organization.id, organization.slug)
  return slugs
}

/** An organization whose list we may not read still has its id. */
function slugOf(organizationId: number | null, slugs: Slugs): string | null {
  return organizationId === null ? null : (slugs.get(organizationId) ?? `#${organizationId}`)
}

function parseCursor(cursor: string, mode: Mode): { phase: 'projects' | 'tasks'; afterId: number } {
  const match = /^(projects|tasks) (\d+)$/.exec(cursor)
  if (match) return { phase: match[1] as 'projects' | 'tasks', afterId: Number(match[2]) }
  return { phase: mode === 't' ? 'tasks' : 'projects', afterId: 0 }
}
