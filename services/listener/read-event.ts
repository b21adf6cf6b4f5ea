// What one of CVAT's webhooks says. A pure decision: the parsed body in, what has changed out. Shapes as recorded of CVAT 2.64.1.

import { z } from 'zod'
import type { EntityRef } from '#shared/model/entity.ts'

export interface HookEvent {
  /** `update:task`, as CVAT calls it; `other` for one that this version does not know. */
  readonly event: string
  /** What is to be backed up for its sake. */
  readonly changed: readonly EntityRef[]
  /** Of issues and comments CVAT does not say whose they are. */
  readonly find?: { readonly type: 'job' | 'issue'; readonly id: number }
  /** The newest date in what the event is about; undefined for one that says nothing of its time. */
  readonly dateMs?: number
}

const id = z.int().positive()
const optionalId = id.nullish().catch(null)
const dates = { created_date: z.string().nullish().catch(null), updated_date: z.string().nullish().catch(null) }

const bodies = {
  project: z.object({ project: z.looseObject({ id, ...dates }) }),
  task: z.object({
    task: z.looseObject({ id, project_id: optionalId, ...dates }),
    /** A task that has moved: the project that it has left is told of nowhere else. */
    before_update: z.object({ project_id: optionalId }).nullish().catch(null),
  }),
  job: z.object({ job: z.looseObject({ task_id: id, project_id: optionalId, ...dates }) }),
  issue: z.object({ issue: z.looseObject({ job: id, ...dates }) }),
  comment: z.object({ comment: z.looseObject({ issue: id, ...dates }) }),
}

/** Undefined for what is no event of CVAT's. */
export function readEvent(body: unknown): HookEvent | undefined {
  const head = z.object({ event: z.string().max(100) }).safeParse(body)
  if (!head.success) return undefined
  const { event } = head.data
  if (event === 'ping') return { event, changed: [] }
  const [action, kind, more] = event.split(':')
  if (more !== undefined || !action || !/^(create|update|delete)$/.test(action)) return undefined
  switch (kind) {
    case 'project': {
      const read = bodies.project.safeParse(body).data?.project
      if (!read) return undefined
      // What is gone cannot be backed up; the next run of everything marks it.
      const changed: EntityRef[] = action === 'delete' ? [] : [{ type: 'project', id: read.id }]
      return { event, changed, ...dateOf(read, action) }
    }
    case 'task': {
      const read = bodies.task.safeParse(body).data
      if (!read) return undefined
      const { task, before_update } = read
      const projects = [...new Set([task.project_id, before_update?.project_id])].flatMap((one) => one ?? [])
      const changed: EntityRef[] = projects.map((one) => ({ type: 'project', id: one }))
      const isLoose = typeof task.project_id !== 'number'
      if (isLoose && action !== 'delete') changed.push({ type: 'task', id: task.id })
      return { event, changed, ...dateOf(task, action) }
    }
    case 'job': {
      const read = bodies.job.safeParse(body).data?.job
      if (!read) return undefined
      const owner: EntityRef =
        typeof read.project_id === 'number'
          ? { type: 'project', id: read.project_id }
          : { type: 'task', id: read.task_id }
      return { event, changed: [owner], ...dateOf(read, action) }
    }
    case 'issue': {
      const read = bodies.issue.safeParse(body).data?.issue
      return read && { event, changed: [], find: { type: 'job', id: read.job }, ...dateOf(read, action) }
    }
    case 'comment': {
      const read = bodies.comment.safeParse(body).data?.comment
      return read && { event, changed: [], find: { type: 'issue', id: read.issue }, ...dateOf(read, action) }
    }
    default:
      // Memberships, invitations, the organization itself.
      return { event: 'other', changed: [] }
  }
}

/** What is deleted keeps the date of its last change, which may be years ago. */
function dateOf(
  row: { readonly created_date?: string | null | undefined; readonly updated_date?: string | null | undefined },
  action: string,
): { dateMs?: number } {
  if (action === 'delete') return {}
  const times = [row.created_date, row.updated_date].map((date) => Date.parse(date ?? '')).filter(Number.isFinite)
  return times.length === 0 ? {} : { dateMs: Math.max(...times) }
}
