// One annotation in a form that is the same for the same content: CVAT writes some things in one order and then in another.

import type { FoundAnnotation } from './split-annotations.ts'

/** An annotation as it lies in the file: equal ones mostly are so to the byte, and need no further look. */
export interface RawAnnotation {
  /** Its text with its kind and that of its job. */
  readonly text: string
  /** @throws SyntaxError for what is no JSON */
  normalise(): NormalAnnotation
}

export function describeRaw(found: FoundAnnotation, jobType: string): RawAnnotation {
  return { text: `${jobType} ${found.kind} ${found.text}`, normalise: () => normaliseAnnotation(found, jobType) }
}

export interface NormalAnnotation {
  /** Equal for equal content, the job's kind included. */
  readonly text: string
  readonly kind: FoundAnnotation['kind']
  /** `rectangle`, `mask`, …; of a track that of its shapes; empty for a tag. */
  readonly type: string
  readonly label: string
  /** Of a track its first one. */
  readonly frame: number
}

/** Lists that have no order of their own. */
const UNORDERED = new Set(['attributes', 'elements'])

/**
 * Which job of its kind an annotation belongs to does not count, so that other job sizes are no change of annotations; that
 * it is in a ground truth job does. @throws SyntaxError for what is no JSON
 */
function normaliseAnnotation({ kind, text }: FoundAnnotation, jobType: string): NormalAnnotation {
  const value = JSON.parse(text) as Record<string, unknown>
  // No group is written as null or as 0.
  if (value.group === null) value.group = 0
  const canonical = canonicalise(value, '')
  const shapes = Array.isArray(value.shapes) ? (value.shapes as { type?: unknown }[]) : []
  const type = value.type ?? shapes[0]?.type
  return {
    text: `${jobType} ${kind} ${canonical}`,
    kind,
    type: typeof type === 'string' ? type : '',
    label: typeof value.label === 'string' ? value.label : '',
    frame: typeof value.frame === 'number' ? value.frame : -1,
  }
}

/** JSON with its keys sorted. */
export function canonicalise(value: unknown, key: string): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonicalise(item, ''))
    return `[${(UNORDERED.has(key) ? items.sort() : items).join(',')}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, item]) => `${JSON.stringify(name)}:${canonicalise(item, name)}`).join(',')}}`
}
