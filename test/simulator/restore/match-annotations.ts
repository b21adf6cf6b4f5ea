// Puts a document's annotations onto a task's frames and into its jobs, as CVAT does: by name, else silently by number.

import { exportedName } from '../frames.ts'
import type { World } from '../world.ts'
import type { Job, Label, Task } from '../world-records.ts'
import { ImportError } from './import-error.ts'
import type { AnnotationDocument } from './read-cvat-xml.ts'
import type { JobAnnotations, JsonObject } from './restored-task.ts'

/**
 * What each of the task's jobs holds after the import. Jobs that the import is not about keep what they hold: for a task
 * those are ground truth and replicas, for a job all others.
 */
export function matchAnnotations(
  world: World,
  task: Task,
  document: AnnotationDocument,
  present: readonly JobAnnotations[],
  onlyJobId: number | null,
): JobAnnotations[] {
  const labels = new Map(world.labelsOf(task).map((label) => [label.name, label]))
  const count = task.data?.frames ?? 0
  const byName = new Map<string, number>()
  for (let frame = count - 1; frame >= 0; frame -= 1) {
    byName.set(exportedName(task, frame).replace(/\.\w+$/, ''), frame)
  }
  const tags: JsonObject[] = []
  const shapes: JsonObject[] = []
  for (const image of document.images) {
    const frame = byName.get(image.name) ?? image.number
    if (frame >= count) {
      const what = `Could not match item id: '${image.name}' with any task frame`
      throw new ImportError(`cvat.apps.dataset_manager.bindings.CvatImportError: ${what}`)
    }
    tags.push(...image.tags.map((tag) => ({ ...fitLabel(tag, labels), frame })))
    shapes.push(...image.shapes.map((shape) => atFrame(fitLabel(shape, labels), frame)))
  }
  const tracks = document.tracks.map((track) => fitLabel(track, labels))
  return world.jobsOf(task).map((job, index) => {
    const isMeant = onlyJobId === null ? job.type === 'annotation' : job.id === onlyJobId
    if (!isMeant) return present[index] ?? { version: 0, tags: [], shapes: [], tracks: [] }
    return {
      version: 0,
      tags: tags.filter((tag) => isIn(job, tag.frame)),
      shapes: shapes.filter((shape) => isIn(job, shape.frame)),
      tracks: tracks.filter((track) => listOf(track.shapes).some((shape) => isIn(job, shape.frame))),
    }
  })
}

/** The label must be known; attributes that it does not have are dropped without a word. */
function fitLabel(
  item: JsonObject,
  labels: ReadonlyMap<string, Pick<Label, 'attributes'> & Partial<Label>>,
): JsonObject {
  const label = labels.get(String(item.label))
  if (!label) throw new ImportError(`ValueError: Label '${item.label}' is not registered for this task`)
  const known = new Set(label.attributes.map(({ name }) => name))
  const keep = (attributes: unknown) => listOf(attributes).filter(({ name }) => known.has(String(name)))
  const points = new Map((label.sublabels ?? []).map((sublabel) => [sublabel.name, sublabel]))
  return {
    ...item,
    attributes: keep(item.attributes),
    ...(item.shapes !== undefined && {
      shapes: listOf(item.shapes).map((shape) => ({ ...shape, attributes: keep(shape.attributes) })),
    }),
    ...(item.elements !== undefined && { elements: listOf(item.elements).map((element) => fitLabel(element, points)) }),
  }
}

function atFrame(shape: JsonObject, frame: number): JsonObject {
  const elements =
    shape.elements === undefined ? {} : { elements: listOf(shape.elements).map((e) => ({ ...e, frame })) }
  return { ...shape, frame, ...elements }
}

function isIn(job: Job, frame: unknown): boolean {
  return typeof frame === 'number' && frame >= job.startFrame && frame <= job.stopFrame
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value : []
}
