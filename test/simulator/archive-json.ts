// project.json and task.json as CVAT writes them: compact, letters outside ASCII as they are.

import type { ArchivePlan, PlannedTask } from './archive-plan.ts'
import type { JsonObject } from './restore/restored-task.ts'
import type { Job, Label, Sublabel } from './world-records.ts'

export function projectJson(plan: ArchivePlan): string {
  const { project } = plan
  if (!project) return '{}'
  return writeJson({
    name: project.name,
    bug_tracker: project.bugTracker,
    status: project.status,
    labels: project.labels.map(labelJson),
    version: '1.0',
  })
}

export function taskJson({ task, jobs, labels }: PlannedTask): string {
  const { restored } = task
  return writeJson({
    name: task.name,
    bug_tracker: restored?.description.bug_tracker ?? '',
    status: task.status,
    subset: task.subset,
    labels: labels.map(labelJson),
    version: '1.0',
    data: restored ? restoredData(restored.description.data as JsonObject, task) : madeData(task),
    jobs: jobs.map((job) => ({
      status: statusOf(job),
      type: job.type,
      start_frame: job.startFrame,
      stop_frame: job.stopFrame,
      ...(job.frames ? { frames: job.frames } : {}),
      ...(job.files ? { files: job.files } : {}),
    })),
  })
}

export function statusOf(job: Pick<Job, 'stage'>): string {
  return job.stage === 'acceptance' ? 'completed' : job.stage
}

function madeData({ data }: PlannedTask['task']): object | null {
  return (
    data && {
      chunk_size: data.mode === 'annotation' ? 72 : 36,
      image_quality: 70,
      start_frame: 0,
      stop_frame: data.frames - 1,
      storage_method: 'cache',
      sorting_method: 'lexicographical',
      chunk_type: data.mode === 'annotation' ? 'imageset' : 'video',
      deleted_frames: data.deletedFrames,
      storage: 'local',
    }
  )
}

/**
 * As it was uploaded, but for what a restore changes: a task of a share says nothing of its first and last frame, and is
 * a task of local files with frames from 0 from now on; a video's chunks are video whatever they were.
 */
function restoredData(given: JsonObject, { data }: PlannedTask['task']): object {
  const { chunk_size, image_quality, start_frame, stop_frame, ...rest } = given
  return {
    chunk_size,
    image_quality,
    start_frame: start_frame ?? 0,
    stop_frame: stop_frame ?? (data?.frames ?? 1) - 1,
    ...rest,
    ...(data?.mode === 'interpolation' && { chunk_type: 'video' }),
    deleted_frames: data?.deletedFrames ?? [],
    storage: 'local',
  }
}

function labelJson(label: Label): object {
  return {
    ...labelKeys(label),
    sublabels: label.sublabels.map(labelKeys),
    ...(label.svg !== null && { svg: label.svg }),
  }
}

function labelKeys({ name, color, attributes, type }: Label | Sublabel): object {
  return { name, color, attributes: attributes.map(({ id: _, ...attribute }) => attribute), type }
}

/** Two separators of lines are escaped, as Django's writer does. */
function writeJson(value: object): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}
