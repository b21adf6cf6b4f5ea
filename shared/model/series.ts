// A series is what retention counts and change detection compares: all archives of one entity, kind and format.

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { entityRefSchema, formatEntity } from './entity.ts'

export const contentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('backup') }),
  z.object({ kind: z.literal('annotations'), format: z.string().min(1).max(200), saveImages: z.boolean() }),
])

/** What an archive holds: CVAT's own backup, or annotations exported in a named format, with or without images. */
export type ArchiveContent = z.infer<typeof contentSchema>

export const seriesSchema = z.object({ entity: entityRefSchema, content: contentSchema })

/** All archives of one entity with one content. */
export type Series = z.infer<typeof seriesSchema>

/**
 * `backup`, or `annotations-<8 hex digits of the format's name and whether images are in it>`:
 * safe in file names, job ids and Redis keys whatever the format is called.
 */
export function formatContent(content: ArchiveContent): string {
  if (content.kind === 'backup') return 'backup'
  const digest = createHash('sha256')
    .update(JSON.stringify([content.format, content.saveImages]))
    .digest('hex')
  return `annotations-${digest.slice(0, 8)}`
}

/** `project-6.backup`: one key for claims, job ids and summaries. */
export function formatSeries(series: Series): string {
  return `${formatEntity(series.entity)}.${formatContent(series.content)}`
}
