// Holds a backup against what the server says of its tasks: pure, and the only place that calls an archive stale.
//
// CVAT keeps a project's backup file under the project's own date, which does not move when a frame is deleted or
// restored, when a stage changes a task's status or when a task moves out; a task's own file under the task's date, which
// does not move when a ground truth job comes or goes (all measured on CVAT 2.64.1).

import type { EntityType } from '#shared/model/entity.ts'
import type { Observation, TaskObservation } from '#shared/model/observation.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import type { ArchivedTask } from '#shared/store/inspection.ts'
import { type Problem, STALE } from '#shared/store/record.ts'

/** A task whose state in the archive may be older than what was observed. */
export interface Suspect {
  readonly archived: ArchivedTask
  readonly observed: TaskObservation
  /** It changed after the date that CVAT keeps the file by: only the server can tell in what. */
  readonly hasChanged: boolean
}

export interface ServerTask {
  readonly name: string
  readonly subset: string
  readonly status: string | null
  readonly deletedFrames: readonly number[]
}

/** The tasks to ask the server about. Most archives have none. */
export function findSuspects(
  entityType: EntityType,
  archived: readonly ArchivedTask[],
  observation: Observation,
): Suspect[] {
  const observed = new Map(observation.tasks.map((task) => [task.id, task]))
  return archived.flatMap((one): Suspect[] => {
    const task = one.taskId === undefined ? undefined : observed.get(one.taskId)
    if (!task) return []
    const hasChanged = entityType === 'project' && compareServerDates(task.updatedDate, observation.updatedDate) > 0
    return hasChanged || hasOtherGroundTruth(one, task) ? [{ archived: one, observed: task, hasChanged }] : []
  })
}

/** Observations of earlier versions do not tell. */
export function hasOtherGroundTruth(archived: ArchivedTask, observed: TaskObservation): boolean {
  return observed.groundTruthJobs !== undefined && observed.groundTruthJobs !== archived.groundTruthJobs
}

/** What is wrong with one suspect; undefined when it is as the server has it. `server` is what was asked, if it was. */
export function describeStaleTask(
  { archived, observed, hasChanged }: Suspect,
  server: ServerTask | undefined,
  all: readonly ArchivedTask[],
): Problem | undefined {
  const differences: string[] = []
  const report = (what: string, here: string, there: string) =>
    differences.push(`${what} ${here} in the archive, ${there} on the server`)
  const compare = (what: string, here: string, there: string) => {
    if (here !== there) report(what, here, there)
  }
  if (server) {
    compare('name', JSON.stringify(archived.name), JSON.stringify(server.name))
    compare('subset', JSON.stringify(archived.subset), JSON.stringify(server.subset))
    if (archived.status !== undefined && server.status !== null) compare('status', archived.status, server.status)
    const there = sortFrames(server.deletedFrames)
    const here = archived.deletedFrames ? sortFrames(archived.deletedFrames) : there
    if (here.join() !== there.join()) report('deleted frames', showFrames(here), showFrames(there))
  }
  if (hasOtherGroundTruth(archived, observed)) {
    compare('ground truth jobs', `${archived.groundTruthJobs}`, `${observed.groundTruthJobs}`)
  }
  if (hasChanged && differences.length === 0 && mayBeAnother(archived, all)) {
    differences.push('it cannot be told from a task that has left the project')
  }
  if (differences.length === 0) return undefined
  return {
    code: STALE,
    message: `Task ${observed.id} is in an old state: ${differences.join('; ')}`,
    taskId: observed.id,
  }
}

/** The archive holds what has left the project: more than there is, so nothing is missing. */
export function describeLeftTask({ position, name }: ArchivedTask): Problem {
  const message = `task_${position} ${JSON.stringify(name)} is in the archive although it has left the project`
  return { code: STALE, message }
}

/** Where tasks have left, the others are known by name, subset and number of frames only. */
function mayBeAnother(task: ArchivedTask, all: readonly ArchivedTask[]): boolean {
  const looksTheSame = (other: ArchivedTask) =>
    other.name === task.name && other.subset === task.subset && other.frames === task.frames
  return all.some(({ taskId }) => taskId === undefined) && all.filter(looksTheSame).length > 1
}

const SHOWN_FRAMES = 10

function showFrames(frames: readonly number[]): string {
  if (frames.length === 0) return 'none'
  const more = frames.length - SHOWN_FRAMES
  return frames.slice(0, SHOWN_FRAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function sortFrames(frames: readonly number[]): number[] {
  return [...new Set(frames)].sort((a, b) => a - b)
}
