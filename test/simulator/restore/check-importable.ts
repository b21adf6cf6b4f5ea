// What CVAT's import refuses although its own export wrote it, with CVAT's words.

import { ImportError } from './import-error.ts'
import type { JobAnnotations, JsonObject } from './restored-task.ts'

export interface ArchivedLabel extends JsonObject {
  readonly name: string
  readonly color?: string
  readonly type?: string
  readonly svg?: string
  readonly attributes?: readonly (JsonObject & { readonly name: string })[]
  readonly sublabels?: readonly ArchivedLabel[]
}

/** What the importer's map holds for one name: the attributes that annotations with this label may have. */
type LabelMap = ReadonlyMap<string, ReadonlySet<string>>

/** Only a server that allows the static cache refuses such a task; one that does not makes the cache anew. */
export function refuseStaticCache(data: JsonObject, allowStaticCache: boolean): void {
  const isShuffled = data.sorting_method === 'random' || data.sorting_method === 'predefined'
  if (!allowStaticCache || data.storage_method !== 'file_system' || !isShuffled || data.custom_segments === true) return
  const words =
    "It isn't supported to import the task that was created without cache but with random/predefined sorting"
  throw new ImportError(`rest_framework.exceptions.ValidationError: [ErrorDetail(string="${words}", code='invalid')]`)
}

/** Not recorded: as the reports of users tell of archives that older versions made of tasks whose media lie on a share. */
export function refuseShare(data: JsonObject): void {
  if (data.storage !== 'share') return
  throw new ImportError("FileNotFoundError: [Errno 2] No such file or directory: '/home/django/share/manifest.jsonl'")
}

/**
 * The importer keeps the points of a skeleton under the skeleton's name and their own, put together, beside all other
 * labels: `pose` with `head` and a label `posehead` are one entry, the later one, and the other's attributes are unknown.
 */
export function checkLabelNames(labels: readonly ArchivedLabel[], jobs: readonly JobAnnotations[]): void {
  const map = mapLabels(labels)
  for (const job of jobs) {
    for (const item of [...job.tags, ...job.shapes, ...job.tracks]) checkItem(map, item, '')
  }
}

function mapLabels(labels: readonly ArchivedLabel[], parent = ''): LabelMap {
  const map = new Map<string, ReadonlySet<string>>()
  for (const label of labels) {
    const name = parent + label.name
    map.set(name, new Set((label.attributes ?? []).map((attribute) => attribute.name)))
    for (const [key, attributes] of mapLabels(label.sublabels ?? [], name)) map.set(key, attributes)
  }
  return map
}

function checkItem(map: LabelMap, item: JsonObject, parent: string): void {
  const label = String(item.label)
  const known = map.get(parent + label)
  if (!known) throw new ImportError(`KeyError: '${parent + label}'`)
  const attributes = [listOf(item.attributes), ...listOf(item.shapes).map((shape) => listOf(shape.attributes))].flat()
  for (const attribute of attributes) {
    if (!known.has(String(attribute.name))) throw new ImportError(`KeyError: '${attribute.name}'`)
  }
  for (const element of listOf(item.elements)) checkItem(map, element, label)
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value : []
}
