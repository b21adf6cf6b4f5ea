// Lists what a run is about, page by page: projects with the dates of their tasks and jobs, and tasks. Never more than
// a page of entities is in memory, however many the server has.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { inPagesOf } from './in-pages-of.ts'
import type { SeenIds } from './seen-ids.ts'
import type { Subject, SubjectPage } from './subject.ts'
import { countJob, countTask, type IssueCounter, newTally, type Tally } from './tally-subjects.ts'

export type ListingClient = Pick<CvatClient, 'listProjects' | 'listTasks' | 'listJobs' | 'listOrganizations'>
type ProjectRow = Awaited<ReturnType<CvatClient['getProject']>>
type TaskRow = Awaited<ReturnType<CvatClient['getTask']>>
type Slugs = ReadonlyMap<number, string>

/**
 * Projects a page, which the tasks and jobs that stream by are counted for: it bounds the memory. Pages of the server may be
 * smaller and are put together: with few projects at once, the last page of their tasks would often be short.
 */
const PAGE_SIZE = 6_000
/** Of tasks and their jobs: rows of tasks are larger. */
const TASK_PAGE_SIZE = 1_000

/**
 * All entities of a mode, ordered by id, projects first. `cursor` is where an earlier, interrupted listing stopped
 * (`projects 17` or `tasks 40`), empty for the start. `seen` takes the ids of all rows, of projects' tasks too.
 */
export async function* listSubjects(
  mode: Mode,
  cursor: string,
  cvat: ListingClient,
  issues: IssueCounter,
  signal: AbortSignal,
  seen?: SeenIds,
): AsyncGenerator<SubjectPage> {
  const { phase, afterId } = parseCursor(cursor, mode)
  const slugs = await readSlugs(cvat, signal)
  if (phase === 'projects') yield* listProjects(afterId, slugs, cvat, issues, signal, seen)
  yield* listTasks(mode === 't' ? 'all' : 'loose', phase === 'tasks' ? afterId : 0, slugs, cvat, issues, signal, seen)
}

async function* listProjects(
  afterId: number,
  slugs: Slugs,
  cvat: ListingClient,
  issues: IssueCounter,
  signal: AbortSignal,
  seen?: SeenIds,
) {
  let from = afterId + 1
  for await (const rows of inPagesOf(PAGE_SIZE, cvat.listProjects({ afterId, maxPageSize: PAGE_SIZE }, signal))) {
    const to = rows.at(-1)!.id
    const tallies = new Map<number, Tally>(rows.map((row) => [row.id, newTally()]))
    for await (const tasks of cvat.listTasks({ projectIds: { from, to } }, signal)) {
      for (const task of tasks) {
        countTask(tallies.get(task.project_id ?? 0), task)
        seen?.add({ type: 'task', id: task.id })
      }
    }
    for await (const jobs of cvat.listJobs({ projectIds: { from, to } }, signal)) {
      for (const job of jobs) {
        const tally = tallies.get(job.project_id ?? 0)
        countJob(tally, job)
        await issues.add(tally, job)
      }
    }
    await issues.flush()
    for (const { id } of rows) seen?.add({ type: 'project', id })
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
  issues: IssueCounter,
  signal: AbortSignal,
  seen?: SeenIds,
) {
  const scope = which === 'loose' ? ({ withoutProject: true } as const) : ({ all: true } as const)
  for await (const rows of cvat.listTasks({ ...scope, afterId, maxPageSize: TASK_PAGE_SIZE }, signal)) {
    const tallies = new Map<number, Tally>(rows.map((row) => [row.id, newTally()]))
    for (const jobScope of which === 'all' ? [rangeOf(rows)] : chunksOf(rows)) {
      for await (const jobs of cvat.listJobs(jobScope, signal)) {
        for (const job of jobs) {
          const tally = tallies.get(job.task_id)
          countJob(tally, job)
          await issues.add(tally, job)
        }
      }
    }
    await issues.flush()
    for (const { id } of rows) seen?.add({ type: 'task', id })
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

/** Call it once: it closes the tally. */
export function projectSubject(row: ProjectRow, tally: Tally, slugs: Slugs): Subject {
  const { workflow, knowsIssues, frames, ...counted } = tally
  workflow.addProject(row)
  return {
    entity: { type: 'project', id: row.id },
    name: row.name,
    project: undefined,
    organization: slugOf(row.organization_id, slugs),
    digest: { updatedDate: row.updated_date, ...counted },
    workflow: workflow.digest(knowsIssues),
    size: undefined,
    frames,
  }
}

/** Call it once: it counts the task itself. */
export function taskSubject(row: TaskRow, tally: Tally, slugs: Slugs): Subject {
  countTask(tally, row)
  const { workflow, knowsIssues, frames, ...counted } = tally
  return {
    entity: { type: 'task', id: row.id },
    name: row.name,
    project: row.project_id === null ? undefined : { id: row.project_id, name: row.project_name ?? '' },
    organization: slugOf(row.organization_id, slugs),
    digest: { updatedDate: row.updated_date, ...counted },
    workflow: workflow.digest(knowsIssues),
    size: row.size,
    frames,
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
