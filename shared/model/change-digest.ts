// What "unchanged since the last backup" compares: the few numbers that every change of CVAT's dates table moves.

import type { Observation, TaskObservation } from './observation.ts'
import { newestDate } from './server-date.ts'

/**
 * A project's own date does not move when a frame is deleted, a task moves out, a ground truth job comes or goes or a
 * job changes its state; the dates and counts of its tasks and jobs do (measured on CVAT 2.64.1).
 */
export interface ChangeDigest {
  readonly updatedDate: string
  readonly taskCount: number
  readonly newestTaskDate: string | null
  readonly jobCount: number
  readonly newestJobDate: string | null
}

export function digestObservation(observation: Observation): ChangeDigest {
  return {
    updatedDate: observation.updatedDate,
    taskCount: observation.tasks.length,
    newestTaskDate: newestDate(observation.tasks.map((task) => task.updatedDate)),
    jobCount: observation.tasks.reduce((sum, task) => sum + task.jobCount, 0),
    newestJobDate: newestDate(observation.tasks.map((task) => task.newestJobDate)),
  }
}

/** Why `now` differs from `before`, as a sentence's end for logs; undefined when nothing changed. */
export function describeChange(before: ChangeDigest, now: ChangeDigest): string | undefined {
  if (before.updatedDate !== now.updatedDate) return `changed on ${now.updatedDate}`
  if (before.taskCount !== now.taskCount) return `has ${now.taskCount} tasks, had ${before.taskCount}`
  if (before.newestTaskDate !== now.newestTaskDate) return `a task changed on ${now.newestTaskDate}`
  if (before.jobCount !== now.jobCount) return `has ${now.jobCount} jobs, had ${before.jobCount}`
  if (before.newestJobDate !== now.newestJobDate) return `a job changed on ${now.newestJobDate}`
  return undefined
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
