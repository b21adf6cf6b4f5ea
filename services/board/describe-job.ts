// What a person is shown of a job. Pure, and never throws: whoever can write to Redis can make any job.

import { z } from 'zod'
import { entityRefSchema, formatEntity } from '#shared/model/entity.ts'
import { contentSchema } from '#shared/model/series.ts'

const MAX_ITEMS = 20
const MAX_TEXT = 2_000
const MAX_DEPTH = 8

const ofBackup = z.object({
  series: z.object({ entity: entityRefSchema, content: contentSchema }),
  name: z.string(),
  organization: z.string().nullish(),
  link: z.string().optional(),
})
const ofEntity = z.object({ entity: entityRefSchema })

/** `street scenes (project 6)`, `street scenes (project 6, annotations)`; a job's own name where it is about no entity. */
export function describeName(name: unknown, data: unknown): string {
  const backup = ofBackup.safeParse(data)
  if (backup.success) {
    const { entity, content } = backup.data.series
    const kind = content.kind === 'annotations' ? ', annotations' : ''
    return cut(`${backup.data.name} (${entity.type} ${entity.id}${kind})`)
  }
  const own = typeof name === 'string' && name !== '' ? name : 'a job without a name'
  const about = ofEntity.safeParse(data)
  return cut(about.success ? `${own} (${about.data.entity.type} ${about.data.entity.id})` : own)
}

/** Entity, organization and address first, then what the job carries; long lists as their length. */
export function describeData(data: unknown): unknown {
  const backup = ofBackup.safeParse(data)
  if (!backup.success) return shorten(data, 0)
  const { series, name, organization, link } = backup.data
  const first = {
    entity: formatEntity(series.entity),
    name: cut(name),
    organization: organization ?? '(personal)',
    content: series.content.kind === 'backup' ? 'backup' : `annotations as ${series.content.format}`,
    ...(link === undefined ? {} : { link: cut(link) }),
  }
  return { ...first, ...(shorten({ ...(data as object), ...first }, 0) as object) }
}

/** The entity's page at CVAT. Anything but a web address could be a script. */
export function linkToCvat(data: unknown): { readonly href: string; readonly displayText: string } | undefined {
  const backup = ofBackup.safeParse(data)
  const url = backup.success ? URL.parse(backup.data.link ?? '') : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
  return { href: url.href, displayText: 'Open in CVAT' }
}

/** Downloads with their percentage, which Bull Board draws as a ring. */
export function describeProgress(progress: unknown): unknown {
  const parsed = bytesSchema.safeParse(progress)
  if (!parsed.success || !(parsed.data.totalBytes > 0)) return shorten(progress, 0)
  const { phase, totalBytes, ...bytes } = parsed.data
  const done = 'sentBytes' in bytes ? bytes.sentBytes : bytes.receivedBytes
  return { phase: cut(phase), progress: Math.floor((100 * done) / totalBytes), ...bytes, totalBytes }
}

/** Of a download or of an upload. */
const phaseFields = { phase: z.string(), totalBytes: z.number() }
const bytesSchema = z.union([
  z.object({ ...phaseFields, receivedBytes: z.number() }),
  z.object({ ...phaseFields, sentBytes: z.number() }),
])

/** Lists, texts and nesting beyond what a person reads are cut, with a word about it. */
export function shorten(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) {
    if (value.length > MAX_ITEMS) return `${value.length} entries, not shown`
    return value.map((item) => shorten(item, depth + 1))
  }
  const entries = Object.entries(value)
  const kept = entries.slice(0, MAX_ITEMS * 2).map(([key, item]) => [cut(key), shorten(item, depth + 1)] as const)
  const more = entries.length - kept.length
  return Object.fromEntries(more > 0 ? [...kept, ['…', `${more} more, not shown`]] : kept)
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
