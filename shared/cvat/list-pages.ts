// Lists, page by page. By key where rows may vanish between two pages; by number where a list has no key to go by.

import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { ApiCaller, RowPage } from './api-caller.ts'
import { formatFilter, type LogicTerm } from './list-scopes.ts'
import { FIRST_PAGE, type PagePace } from './page-pace.ts'
import { createUnexpectedAnswer } from './parse-answer.ts'
import type { Query } from './server-url.ts'

/** Far beyond any real list; a server that never ends one is stopped here. */
const mostNumberedPages = 10_000

export interface KeyedList<Row> {
  readonly path: string
  readonly row: z.ZodType<Row>
  readonly terms: readonly LogicTerm[]
  readonly headers: Readonly<Record<string, string>>
  readonly afterId?: number | undefined
  /** Pages have no more rows than this; absent: as many as the server makes quickly. */
  readonly maxPageSize?: number | undefined
  /** Rows may be of any size: where a page is too long to be read, smaller ones are asked for. */
  readonly hasLongRows?: boolean
  /** Learns how large pages may be; without it they have 500 rows. */
  readonly pace?: PagePace | undefined
}

/**
 * Pages of rows with rising ids, none of them empty. Each is the first page of what lies above the last id seen, so a row
 * deleted meanwhile moves no other row out of sight. Where no size was asked for, the next page is asked for while
 * this one is worked on: never more than one call at a time.
 *
 * @throws BackupError `unexpected-answer` when ids do not rise: the server ignored filter or order
 */
export async function* listByKey<Row extends { id: number }>(
  caller: ApiCaller,
  list: KeyedList<Row>,
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  const pages = openKeyedPages(caller, list)
  const isAskedAhead = list.maxPageSize === undefined && !list.hasLongRows
  const left = new AbortController()
  const either = isAskedAhead ? AbortSignal.any([signal, left.signal]) : signal
  try {
    let coming = pages.next(list.afterId ?? 0, either)
    for (;;) {
      const { rows, isLast } = await coming
      const lastId = rows.at(-1)?.id
      if (isAskedAhead && !isLast) {
        coming = pages.next(lastId!, either)
        // Until it is awaited nobody is there to hear of its failure.
        coming.catch(() => undefined)
      }
      if (rows.length > 0) yield rows
      if (isLast) return
      if (!isAskedAhead) coming = pages.next(lastId!, either)
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    // Whoever stops early wants no more pages.
    left.abort(new Error('the list is not read any further'))
  }
}

interface KeyedPage<Row> {
  readonly rows: Row[]
  readonly isLast: boolean
}

function openKeyedPages<Row extends { id: number }>(caller: ApiCaller, list: KeyedList<Row>) {
  const { maxPageSize = Number.POSITIVE_INFINITY } = list
  const pace = list.hasLongRows ? undefined : list.pace
  let pageSize = Math.min(FIRST_PAGE, maxPageSize)

  async function next(afterId: number, signal: AbortSignal): Promise<KeyedPage<Row>> {
    for (;;) {
      if (pace) pageSize = Math.min(pace.sizeFor(list.path), maxPageSize)
      const query = { filter: formatFilter(list.terms, afterId), sort: 'id', page_size: pageSize }
      const call = { method: 'GET', path: list.path, query, headers: list.headers } as const
      const page = await caller.readRows(call, list.row, signal).catch((error) => {
        if (signal.aborted) throw error
        if (pace && isTooMuch(error)) {
          pace.reset(list.path)
          if (pageSize > FIRST_PAGE) return
        }
        if (list.hasLongRows && pageSize > 1 && error instanceof BackupError && error.code === 'answer-too-long') return
        throw error
      })
      if (page) return check(page, afterId)
      if (!pace) pageSize = Math.ceil(pageSize / 10)
    }
  }

  function check({ rows, next, waitedMs }: RowPage<Row>, afterId: number): KeyedPage<Row> {
    if (rows.length === pageSize) pace?.note(list.path, pageSize, waitedMs)
    let lastId = afterId
    for (const { id } of rows) {
      if (id <= lastId) throw notRising(list.path)
      lastId = id
    }
    // `next` alone would miss rows that came while they were counted; a short page alone, a server with smaller pages.
    return { rows, isLast: rows.length === 0 || (next === null && rows.length < pageSize) }
  }

  return { next }
}

/**
 * Pages by their number. A row that leaves the list meanwhile shifts the rest: rows may be missed or come twice.
 * `next` only tells whether there is more: its address follows the Host header, and may be another origin's.
 */
export async function* listByNumber<Row>(
  caller: ApiCaller,
  list: { readonly path: string; readonly query: Query; readonly row: z.ZodType<Row> },
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  const firstPage = pageSchema(list.row)
  // Past the end it is a 404: the list has become shorter since the page before.
  const laterPage = z.union([firstPage, z.object({ detail: z.string() })])
  for (let number = 1; number <= mostNumberedPages; number++) {
    const query = { ...list.query, page: number }
    const call = { method: 'GET', path: list.path, query, expected: number === 1 ? [200] : [200, 404] } as const
    const { value: page } = await caller.readJson(call, number === 1 ? firstPage : laterPage, signal)
    if (!('results' in page)) return
    yield page.results
    if (page.next === null || page.results.length === 0) return
  }
  throw createUnexpectedAnswer({ call: `GET ${list.path}`, status: 200 }, 'is one of a list without an end')
}

function pageSchema<Row>(row: z.ZodType<Row>) {
  return z.object({
    next: z
      .string()
      .nullish()
      .transform((next) => next ?? null),
    results: z.array(row),
  })
}

const tooMuch = new Set(['timeout', 'answer-too-long', 'server-error', 'unreachable'])

/** What a smaller page may well cure: a worker that runs out of memory closes the connection. */
function isTooMuch(error: unknown): boolean {
  return error instanceof BackupError && tooMuch.has(error.code)
}

function notRising(path: string): Error {
  return createUnexpectedAnswer({ call: `GET ${path}`, status: 200 }, 'ignores the filter or the order by id')
}
