// Names of archives and records: the time, the kind and the content's digest are in the name, so that the folder alone
// tells them and no modification time is ever believed.

import { type ArchiveContent, formatContent } from '#shared/model/series.ts'
import { sanitiseName } from './sanitise-name.ts'

export interface ArchiveNameParts {
  /** UTC, to the second: `2026-11-22T20:34:44Z`. */
  readonly createdAt: string
  /** As of nameContent: `backup`, `snapshot`, `without-media` or `annotations-<8 hex>`. */
  readonly content: string
  readonly name: string
  /** First 8 hex digits of the archive's SHA-256. */
  readonly digest: string
}

/**
 * In the place of `backup`: what lies there is not a whole archive, and who does not know the word leaves it alone. A snapshot's
 * project part, and a task's archive whose media are in an earlier one.
 */
export type PartialKind = 'snapshot' | 'without-media'

export interface ArchiveNameInput {
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly content: ArchiveContent
  /** Of a file that is not whole by itself. */
  readonly partial?: PartialKind | undefined
  /** The entity's name on the server, as it is. */
  readonly name: string
  readonly sha256: string
}

const pattern =
  /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(backup|snapshot|without-media|annotations-[0-9a-f]{8})-(.+)-([0-9a-f]{8})(?:-[1-9]\d?)?$/u

const PARTIAL_KINDS: ReadonlySet<string> = new Set<PartialKind>(['snapshot', 'without-media'])

/** What a record's name says of its content. */
export function nameContent(record: {
  readonly type: string
  readonly mediaFrom?: unknown
  readonly series: { readonly content: ArchiveContent }
}): string {
  if (record.type === 'snapshot') return 'snapshot'
  return record.mediaFrom === undefined ? formatContent(record.series.content) : 'without-media'
}

/** Whether names of archives with this content may say so: what is not whole by itself stands for a backup, too. */
export function isNameOf(parts: Pick<ArchiveNameParts, 'content'>, content: ArchiveContent): boolean {
  return parts.content === formatContent(content) || (content.kind === 'backup' && PARTIAL_KINDS.has(parts.content))
}

/** What a file of the store is, by its name (with `.zip`); undefined for a foreign name. */
export function contentOfFile(fileName: string): string | undefined {
  return fileName.endsWith('.zip') ? parseArchiveBase(fileName.slice(0, -'.zip'.length))?.content : undefined
}

/** Name without extension; `copy` from 2 on tells apart what would otherwise have one name. */
export function formatArchiveBase(input: ArchiveNameInput, copy = 1): string {
  const time = `${new Date(input.createdAt).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  const content = input.partial ?? formatContent(input.content)
  const parts = [time, content, sanitiseName(input.name), input.sha256.slice(0, 8)]
  if (copy > 1) parts.push(String(copy))
  return parts.join('-')
}

/** The reverse, for a base name as the folder lists it (some servers list NFD); undefined for a foreign name. */
export function parseArchiveBase(base: string): ArchiveNameParts | undefined {
  const match = pattern.exec(base.normalize('NFC'))
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, content, name, digest] = match
  const createdAt = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
  if (Number.isNaN(Date.parse(createdAt))) return undefined
  return { createdAt, content: content!, name: name!, digest: digest! }
}
