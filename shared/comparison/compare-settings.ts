// What differs between two task.json or project.json, apart from what lies in other members. Pure.

import { canonicalise } from './normalise-annotation.ts'

export interface FieldChange {
  /** `name`, `data.image_quality`, … */
  readonly field: string
  /** Undefined where there is none. */
  readonly before: unknown
  readonly after: unknown
}

export interface LabelChange {
  readonly label: string
  readonly what: 'added' | 'removed' | 'changed'
  /** Of a changed one: what of it, e.g. `color`, `attributes`. */
  readonly fields: readonly string[]
}

export interface SettingChanges {
  readonly fields: readonly FieldChange[]
  readonly labels: readonly LabelChange[]
  readonly deletedFrames: { readonly added: readonly number[]; readonly removed: readonly number[] }
}

type Json = Readonly<Record<string, unknown>>

/** The order of labels does not count: CVAT writes them in another one after a change. */
export function compareSettings(before: Json, after: Json): SettingChanges {
  const own = compareFields(omit(before, ['labels', 'data', 'jobs']), omit(after, ['labels', 'data', 'jobs']), '')
  const data = compareFields(
    omit(asObject(before.data), ['deleted_frames']),
    omit(asObject(after.data), ['deleted_frames']),
    'data.',
  )
  return {
    fields: [...own, ...data, ...compareJobs(before.jobs, after.jobs)],
    labels: compareLabels(before.labels, after.labels),
    deletedFrames: compareFrames(asObject(before.data).deleted_frames, asObject(after.data).deleted_frames),
  }
}

function compareFields(before: Json, after: Json, prefix: string): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((name) => canonicalise(before[name], name) !== canonicalise(after[name], name))
    .map((name) => ({ field: prefix + name, before: before[name], after: after[name] }))
}

/** Jobs have no ids in an archive: they are known by their place. */
function compareJobs(before: unknown, after: unknown): FieldChange[] {
  const [old, now] = [asList(before), asList(after)]
  const changes: FieldChange[] = []
  for (let place = 0; place < Math.max(old.length, now.length); place++) {
    if (place >= old.length) changes.push({ field: `jobs[${place}]`, before: undefined, after: now[place] })
    else if (place >= now.length) changes.push({ field: `jobs[${place}]`, before: old[place], after: undefined })
    else changes.push(...compareFields(asObject(old[place]), asObject(now[place]), `jobs[${place}].`))
  }
  return changes
}

function compareLabels(before: unknown, after: unknown): LabelChange[] {
  const [old, now] = [byName(before), byName(after)]
  const changes: LabelChange[] = []
  for (const [label, value] of old) {
    const other = now.get(label)
    if (!other) changes.push({ label, what: 'removed', fields: [] })
    else {
      const fields = compareFields(value, other, '').map(({ field }) => field)
      if (fields.length > 0) changes.push({ label, what: 'changed', fields })
    }
  }
  for (const label of now.keys()) if (!old.has(label)) changes.push({ label, what: 'added', fields: [] })
  return changes
}

function byName(labels: unknown): Map<string, Json> {
  const sorted = (value: unknown) => asList(value).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  return new Map(
    asList(labels).map((label) => [
      nameOf(label),
      { ...asObject(label), sublabels: sorted(asObject(label).sublabels) },
    ]),
  )
}

function compareFrames(before: unknown, after: unknown) {
  const [old, now] = [new Set(asList(before) as number[]), new Set(asList(after) as number[])]
  const without = (frames: Set<number>, other: Set<number>) =>
    [...frames].filter((frame) => !other.has(frame)).sort((a, b) => a - b)
  return { added: without(now, old), removed: without(old, now) }
}

function nameOf(label: unknown): string {
  const { name } = asObject(label)
  return typeof name === 'string' ? name : ''
}

function omit(value: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
