// The last step of verification: is the archive of the state that the server had, or an old file that CVAT kept?

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { Series } from '#shared/model/series.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Problem } from '#shared/store/record.ts'
import {
  describeLeftTask,
  describeStaleTask,
  findSuspects,
  hasOtherGroundTruth,
  type ServerTask,
  type Suspect,
} from './compare-archive.ts'

type AskedClient = Pick<CvatClient, 'getTask' | 'getTaskMeta' | 'listTasks' | 'listJobs'>

/** Problems of an archive that holds another set of tasks than was observed. */
const OTHER_TASKS = new Set(['missing-task', 'unexpected-task', 'frames-differ'])

/**
 * A complete archive becomes `fresh`, or gets a problem `stale` for each task that is not as the server has it. Only
 * what can be old is asked about, one task after another: usually nothing. What has changed again since it was
 * observed is left out, and the level stays `complete`: the next run takes that change, whatever this archive holds.
 * CVAT keeps annotation exports by the newest date of project and tasks: no change can be missing in them.
 *
 * @throws BackupError `changed-meanwhile` when tasks came or went between observation and export, so that the archive can
 * be held against neither; what the client throws, except that a task is gone
 */
export async function checkFreshness(
  inspection: Inspection,
  { entity, content }: Series,
  observation: Observation,
  cvat: AskedClient,
  signal: AbortSignal,
): Promise<Inspection> {
  const { tasks } = inspection
  const hasOthers = inspection.problems.length > 0 && inspection.problems.every(({ code }) => OTHER_TASKS.has(code))
  if (entity.type === 'project' && hasOthers && (await haveTasksChanged(entity.id, observation, cvat, signal))) {
    throw new BackupError('tasks came or went while CVAT made the archive', {
      code: 'changed-meanwhile',
      retryable: false,
      hint: 'The next run backs the project up again; best at a time when nobody adds or deletes tasks.',
    })
  }
  if (inspection.level !== 'complete') return inspection
  if (content.kind === 'annotations') return { ...inspection, level: 'fresh' }
  const problems: Problem[] = []
  let isCertain = true
  for (const suspect of findSuspects(entity.type, tasks, observation)) {
    const answer = await unlessGone(() => askAbout(suspect, cvat, signal))
    const problem = answer && describeStaleTask(suspect, answer.server, tasks)
    if (!answer) isCertain = false
    if (problem) problems.push(problem)
  }
  const left = tasks.filter(({ taskId }) => taskId === undefined)
  if (left.length > 0) {
    // The archive may also be newer than the observation, and hold a task that was made in between.
    if (await haveTasksChanged(entity.id, observation, cvat, signal)) isCertain = false
    else problems.push(...left.map(describeLeftTask))
  }
  if (problems.length > 0) return { ...inspection, problems }
  return isCertain ? { ...inspection, level: 'fresh' } : inspection
}

/** What the server says now, if that is still what was observed. */
async function askAbout(
  { archived, observed, hasChanged }: Suspect,
  cvat: AskedClient,
  signal: AbortSignal,
): Promise<{ server: ServerTask | undefined } | undefined> {
  if (hasOtherGroundTruth(archived, observed)) {
    let groundTruthJobs = 0
    for await (const page of cvat.listJobs({ taskId: observed.id }, signal)) {
      groundTruthJobs += page.filter(({ type }) => type === 'ground_truth').length
    }
    if (groundTruthJobs !== observed.groundTruthJobs) return undefined
  }
  if (!hasChanged) return { server: undefined }
  // In this order: a change between the two calls shows in the date.
  const { deleted_frames: deletedFrames } = await cvat.getTaskMeta(observed.id, signal)
  const { name, subset, status, updated_date } = await cvat.getTask(observed.id, signal)
  return updated_date === observed.updatedDate ? { server: { name, subset, status, deletedFrames } } : undefined
}

/** Whether the project has other tasks now, or other data in them, than when it was observed. */
async function haveTasksChanged(
  projectId: number,
  observation: Observation,
  cvat: AskedClient,
  signal: AbortSignal,
): Promise<boolean> {
  const observed = new Map(observation.tasks.map(({ id, size }) => [id, size]))
  for await (const page of cvat.listTasks({ projectId }, signal)) {
    for (const { id, size } of page) if (observed.get(id) !== size || !observed.delete(id)) return true
  }
  return observed.size > 0
}

const GONE = new Set(['not-found', 'forbidden'])

/** Undefined for what was deleted or taken away from us since it was observed. */
async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof BackupError && GONE.has(error.code)) return undefined
    throw error
  }
}
