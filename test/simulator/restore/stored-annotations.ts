// Annotations as the world keeps them: by job, with names for labels, never changed in place.

import { annotationsJson, escapeLetters } from '../annotation-text.ts'
import type { PlannedTask } from '../archive-plan.ts'
import { type ByteSource, textBytes } from '../media-bytes.ts'
import type { JobAnnotations, JsonObject, StoredAnnotations } from './restored-task.ts'

/** annotations.json of a task: as it was uploaded while nothing changed, made up where nothing was ever stored. */
export function annotationsContent(planned: PlannedTask): ByteSource {
  const { stored } = planned.task.annotations
  if (!stored) return textBytes(annotationsJson(planned))
  return stored.raw ?? textBytes(escapeLetters(JSON.stringify(stored.jobs)))
}

/** What each of the task's jobs holds, in their order. */
export function listAnnotations(planned: Pick<PlannedTask, 'task' | 'jobs' | 'labels'>): readonly JobAnnotations[] {
  const { stored } = planned.task.annotations
  return stored?.jobs ?? (JSON.parse(annotationsJson({ ...planned, guide: null })) as JobAnnotations[])
}

export function addShapes(
  stored: StoredAnnotations,
  jobIndex: number,
  shapes: readonly JsonObject[],
): StoredAnnotations {
  const jobs = stored.jobs.map((job, index) =>
    index === jobIndex ? { ...job, shapes: [...job.shapes, ...shapes] } : job,
  )
  return { jobs, raw: null }
}

/** Backups hold labels by name: a new name is in all of them from now on. */
export function renameLabel(stored: StoredAnnotations, from: string, to: string): StoredAnnotations {
  const rename = (item: JsonObject): JsonObject => (item.label === from ? { ...item, label: to } : item)
  const jobs = stored.jobs.map((job) => ({
    ...job,
    tags: job.tags.map(rename),
    shapes: job.shapes.map(rename),
    tracks: job.tracks.map(rename),
  }))
  return { jobs, raw: null }
}

/** A plain rectangle, for tests that only want more annotations. */
export function plainShape(frame: number, label: string): JsonObject {
  return {
    ...{ type: 'rectangle', occluded: false, outside: false, z_order: 0, rotation: 0, points: [2.5, 3, 60, 50], frame },
    ...{ group: 0, source: 'manual', attributes: [], score: 1, elements: [], label },
  }
}
