// Annotations as `GET …/annotations/` gives them: labels and attributes by id. The shapes are those of the recorded PATCH
// (c_ann_patch_task) and, for tags, tracks and elements, of CVAT's schema (LabeledData).

import type { World } from '../world.ts'
import type { Job, Label, LabelAttribute, Sublabel, Task } from '../world-records.ts'
import type { JobAnnotations, JsonObject } from './restored-task.ts'
import { listAnnotations } from './stored-annotations.ts'

type AnyLabel = Pick<Label, 'id' | 'name' | 'attributes'> & { readonly sublabels?: readonly Sublabel[] }

/** What one job holds. */
export function jobAnnotationsBody(world: World, job: Job): object {
  const task = world.task(job.taskId)
  return body(world, task, [annotationsOf(world, task)[task.jobIds.indexOf(job.id)]])
}

/**
 * What the jobs of type annotation hold together. Where jobs overlap, what is the same in both counts once; CVAT also
 * merges what is nearly the same, which is not simulated.
 */
export function taskAnnotationsBody(world: World, task: Task): object {
  const all = annotationsOf(world, task)
  return body(
    world,
    task,
    world.jobsOf(task).map((job, index) => (job.type === 'annotation' ? all[index] : undefined)),
  )
}

function annotationsOf(world: World, task: Task): readonly JobAnnotations[] {
  return listAnnotations({ task, jobs: world.jobsOf(task), labels: world.labelsOf(task) })
}

function body(world: World, task: Task, jobs: readonly (JobAnnotations | undefined)[]): object {
  const labels = world.labelsOf(task)
  let lastId = task.id * 1_000_000
  const writer = new BodyWriter(labels, () => {
    lastId += 1
    return lastId
  })
  const collect = (kind: 'tags' | 'shapes' | 'tracks') => {
    const unique = new Map<string, JsonObject>()
    for (const job of jobs) {
      const seen = new Map<string, number>()
      for (const item of job?.[kind] ?? []) {
        // Two equal ones in one job are two.
        const text = JSON.stringify(item)
        const count = (seen.get(text) ?? 0) + 1
        seen.set(text, count)
        const key = `${count} ${text}`
        unique.set(key, item)
      }
    }
    return [...unique.values()]
  }
  return {
    version: 0,
    tags: collect('tags').map((tag) => writer.tag(tag)),
    shapes: collect('shapes').map((shape) => writer.shape(shape)),
    tracks: collect('tracks').map((track) => writer.track(track)),
  }
}

class BodyWriter {
  readonly #labels: readonly AnyLabel[]
  readonly #nextId: () => number

  constructor(labels: readonly AnyLabel[], nextId: () => number) {
    this.#labels = labels
    this.#nextId = nextId
  }

  tag({ label: name, attributes, ...rest }: JsonObject): object {
    const label = this.#find(this.#labels, name)
    return { id: this.#nextId(), ...rest, label_id: label?.id, attributes: byId(attributes, label) }
  }

  shape(shape: JsonObject): object {
    return this.#shape(shape, this.#labels)
  }

  track(track: JsonObject): object {
    return this.#track(track, this.#labels)
  }

  #shape({ label: name, attributes, elements, ...rest }: JsonObject, labels: readonly AnyLabel[]): object {
    const label = this.#find(labels, name)
    return {
      ...rest,
      id: this.#nextId(),
      label_id: label?.id,
      attributes: byId(attributes, label),
      ...(elements !== undefined && {
        elements: listOf(elements).map((element) => this.#shape(element, label?.sublabels ?? [])),
      }),
    }
  }

  #track({ label: name, attributes, shapes, elements, ...rest }: JsonObject, labels: readonly AnyLabel[]): object {
    const label = this.#find(labels, name)
    return {
      ...rest,
      id: this.#nextId(),
      label_id: label?.id,
      shapes: listOf(shapes).map((shape) => ({
        ...shape,
        id: this.#nextId(),
        attributes: byId(shape.attributes, label),
      })),
      attributes: byId(attributes, label),
      ...(elements !== undefined && {
        elements: listOf(elements).map((element) => this.#track(element, label?.sublabels ?? [])),
      }),
    }
  }

  #find(labels: readonly AnyLabel[], name: unknown): AnyLabel | undefined {
    return labels.find((label) => label.name === name)
  }
}

function byId(attributes: unknown, label: { attributes: readonly LabelAttribute[] } | undefined): object[] {
  return listOf(attributes).flatMap(({ name, value }) => {
    const known = label?.attributes.find((attribute) => attribute.name === name)
    return known ? [{ spec_id: known.id, value }] : []
  })
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value : []
}
