// Which task of an archive is which on the server: archives name no ids, only places and names.

import type { TaskObservation } from '#shared/model/observation.ts'

export interface TaskIdentity {
  /** N of `task_N`. */
  readonly position: number
  readonly name: string
  readonly subset: string
  readonly frames: number
}

export interface TaskMatch {
  /** The observed task for each position of the archive, where there is one. */
  readonly tasks: ReadonlyMap<number, TaskObservation>
  /** False: found by name, and what has no entry belongs to the project no longer. */
  readonly isByPlace: boolean
}

/**
 * The observed task for each position of the archive. Usually N is the task's place among the project's tasks by id. It
 * is not in an old file that CVAT serves after a task was moved to another project: that one is still in it, and the
 * places of those behind it have shifted. Then tasks are found by name, subset and number of frames, in the order of
 * their ids; what is left over has no entry. When some observed task cannot be found in this way either, the places count.
 */
export function matchTasks(archived: readonly TaskIdentity[], observed: readonly TaskObservation[]): TaskMatch {
  const expected = observed.filter(({ size }) => size > 0)
  const byPlace = new Map<number, TaskObservation>()
  for (const { position } of archived) {
    const task = observed[position]
    if (task) byPlace.set(position, task)
  }
  const fits = archived.length === expected.length && archived.every(({ position }) => observed[position]?.size)
  const byName = fits ? undefined : matchInOrder(archived, expected)
  return byName ? { tasks: byName, isByPlace: false } : { tasks: byPlace, isByPlace: true }
}

/** Undefined when the expected tasks are not all there in this order. */
function matchInOrder(
  archived: readonly TaskIdentity[],
  expected: readonly TaskObservation[],
): ReadonlyMap<number, TaskObservation> | undefined {
  const found = new Map<number, TaskObservation>()
  let next = 0
  for (const task of archived.toSorted((a, b) => a.position - b.position)) {
    const wanted = expected[next]
    if (!wanted || !isSame(task, wanted)) continue
    found.set(task.position, wanted)
    next++
  }
  return next === expected.length ? found : undefined
}

function isSame(archived: TaskIdentity, observed: TaskObservation): boolean {
  return archived.name === observed.name && archived.subset === observed.subset && archived.frames === observed.size
}
