// What "unchanged since the last backup" compares: the few numbers that every change of CVAT's dates table moves.

import type { Observation, TaskObservation } from './observation.ts'
import { newestDate } from './server-date.ts'

/**
 * A project's own date does not move when a frame is deleted, a task moves out or a ground truth job comes or goes; the
 * dates of its tasks and the number and ids of its jobs do (measured on CVAT 2.64.1). A job's own date moves with its
 * state, stage and assignee, which no archive holds: by itself it is no reason for an export (workflow-digest.ts).
 */
export interface ChangeDigest {
  readonly updatedDate: string
  readonly taskCount: number
  readonly newestTaskDate: string | null
  readonly jobCount: number
  readonly newestJobDate: string | null
  /** Ids only rise: with the number it tells one set of jobs from a later one. Undefined in records of earlier versions. */
  readonly newestJobId?: number | null | undefined
}

export function digestObservation(observation: Observation): ChangeDigest {
  return {
    updatedDate: observation.updatedDate,
    taskCount: observation.tasks.length,
    newestTaskDate: newestDate(observation.tasks.map((task) => task.updatedDate)),
    jobCount: observation.tasks.reduce((sum, task) => sum + task.jobCount, 0),
    newestJobDate: newestDate(observation.tasks.map((task) => task.newestJobDate)),
    newestJobId: newestId(observation.tasks.map((task) => task.newestJobId)),
  }
}

/** Why an archive of `before` does not hold what `now` is, as a sentence's end for logs; undefined when it does. */
export function describeChange(before: ChangeDigest, now: ChangeDigest): string | undefined {
  if (before.updatedDate !== now.updatedDate) return `changed on ${now.updatedDate}`
  if (before.taskCount !== now.taskCount) return `has ${now.taskCount} tasks, had ${before.taskCount}`
  if (before.newestTaskDate !== now.newestTaskDate) return `a task changed on ${now.newestTaskDate}`
  if (before.jobCount !== now.jobCount) return `has ${now.jobCount} jobs, had ${before.jobCount}`
  if (before.newestJobId === undefined || now.newestJobId === undefined) {
    // An earlier version did not note the ids: only the date can tell that one job took another's place.
    return before.newestJobDate === now.newestJobDate ? undefined : `a job changed on ${now.newestJobDate}`
  }
  return before.newestJobId === now.newestJobId ? undefined : `has another job (${now.newestJobId})`
}

/** The latest change that an archive of this observation must hold. */
export function newestChange(observation: Observation): string {
  const digest = digestObservation(observation)
  return newestDate([digest.updatedDate, digest.newestTaskDate, digest.newestJobDate]) ?? digest.updatedDate
}

/** Whether a task's own archive is of the state in which its project was observed. */
export function coversTask(archive: Observation, task: TaskObservation): boolean {
  return describeChange(digestObservation(archive), digestTask(task)) === undefined
}

/** A task's row among its project's, as the task's own listing would show it. */
export function digestTask(task: TaskObservation): ChangeDigest {
  return digestObservation({ name: task.name, organization: null, updatedDate: task.updatedDate, tasks: [task] })
}

/** Undefined when it is not known of some task. */
function newestId(ids: readonly (number | null | undefined)[]): number | null | undefined {
  let newest: number | null = null
  for (const id of ids) {
    if (id === undefined) return undefined
    if (id !== null && (newest === null || id > newest)) newest = id
  }
  return newest
}
