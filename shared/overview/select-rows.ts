// Search, filter, sort and page over the rows of the overview. Pure.

import { type EntityState, entityStates, needingStates } from './judge-entity.ts'
import type { OverviewRow } from './open-overview.ts'

export const sortKeys = ['state', 'name', 'organization', 'age', 'level', 'size', 'archives', 'next'] as const
export type SortKey = (typeof sortKeys)[number]

export interface RowQuery {
  /** Part of the name, in any case, or `project-6`, or `6`. */
  readonly search?: string | undefined
  /** `attention`: whatever needs somebody. */
  readonly state?: EntityState | 'attention' | undefined
  /** Slug; `-`: personal. */
  readonly organization?: string | undefined
  readonly type?: 'project' | 'task' | undefined
  readonly sort: SortKey
  readonly descending: boolean
  /** From 1. */
  readonly page: number
  readonly size: number
}

export interface RowPage {
  readonly rows: readonly OverviewRow[]
  /** How many there are on all pages. */
  readonly total: number
  /** The page that was given: the last one where the one that was asked for is beyond it. */
  readonly page: number
  readonly pages: number
}

/**
 * @param rows in the order of {@link compareNames}: sorting thousands of names at each key that somebody types would be felt. It
 *   decides between equals in every order, so that pages neither repeat nor leave out a row.
 */
export function selectRows(rows: readonly OverviewRow[], query: RowQuery): RowPage {
  const matching = rows.filter(matcherOf(query))
  const compare = query.sort === 'name' ? undefined : comparers[query.sort]
  const direction = query.descending ? -1 : 1
  if (compare) matching.sort((a, b) => direction * compare(a, b))
  else if (query.descending) matching.reverse()
  const pages = Math.max(1, Math.ceil(matching.length / query.size))
  const page = Math.min(Math.max(1, query.page), pages)
  return { rows: matching.slice((page - 1) * query.size, page * query.size), total: matching.length, page, pages }
}

function matcherOf({ search, state, organization, type }: RowQuery): (row: OverviewRow) => boolean {
  const words = search?.trim().toLowerCase() ?? ''
  return (row) =>
    (words === '' || row.name.toLowerCase().includes(words) || row.key === words || String(row.entity.id) === words) &&
    (state === undefined || (state === 'attention' ? needingStates.has(row.state) : row.state === state)) &&
    (organization === undefined || (row.organization ?? '-') === organization) &&
    (type === undefined || row.entity.type === type)
}

const levels = ['whole', 'sound', 'complete', 'fresh', 'restored']

/** `age` ascending is the youngest archive first; what has none comes last there, and as the oldest of all. */
const comparers: Readonly<Record<Exclude<SortKey, 'name'>, (a: OverviewRow, b: OverviewRow) => number>> = {
  state: (a, b) =>
    entityStates.indexOf(a.state) - entityStates.indexOf(b.state) || (a.protectedAtMs ?? 0) - (b.protectedAtMs ?? 0),
  organization: (a, b) => compareCodes(a.organization ?? '', b.organization ?? ''),
  age: (a, b) => (b.archivedAtMs ?? 0) - (a.archivedAtMs ?? 0),
  level: (a, b) => levels.indexOf(a.level ?? '') - levels.indexOf(b.level ?? ''),
  size: (a, b) => (a.sizeBytes ?? -1) - (b.sizeBytes ?? -1),
  archives: (a, b) => a.archives - b.archives,
  next: (a, b) => (a.nextRunAtMs ?? Number.MAX_VALUE) - (b.nextRunAtMs ?? Number.MAX_VALUE),
}

const collator = new Intl.Collator('en', { numeric: true })

function compareTexts(a: string, b: string): number {
  return collator.compare(a, b)
}

/** Slugs are ASCII. */
function compareCodes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function compareNames(a: OverviewRow, b: OverviewRow): number {
  return (
    compareTexts(a.name, b.name) ||
    compareTexts(a.entity.type, b.entity.type) ||
    a.entity.id - b.entity.id ||
    compareTexts(a.serverUrl, b.serverUrl)
  )
}
