// Lists, page by page. By key where rows may vanish between two pages; by number where a list has no key to go by.

import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { ApiCaller } from './api-caller.ts'
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
  readonly pageSize?: number | undefined
  /** Rows may be of any size: where a page is too long to be read, smaller ones are asked for. */
  readonly hasLongRows?: boolean
  /** Learns how large pages may be, where none of them was asked for by size. */
  readonly pace?: PagePace | undefined
}

/**
 * Pages of rows with rising ids, none of them empty. Each is the first page of what lies above the last id seen, so a row
 * deleted meanwhile moves no other row out of sight.
 *
 * @throws BackupError `unexpected-answer` when ids do not rise: the server ignored filter or order
 */
export async function* listByKey<Row extends { id: number }>(
  caller: ApiCaller,
  list: KeyedList<Row>,
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  const schema = pageSchema(list.row)
  const pace = list.pageSize === undefined && !list.hasLongRows ? list.pace : undefined
  let pageSize = list.pageSize ?? FIRST_PAGE
  let lastId = list.afterId ?? 0
  for (;;) {
    if (pace) pageSize = pace.sizeFor(list.path)
    const askedAtMs = performance.now()
    const query = { filter: formatFilter(list.terms, lastId), sort: 'id', page_size: pageSize }
    const call = { method: 'GET', path: list.path, query, headers: list.headers } as const
    const answer = await caller.readJson(call, schema, signal).catch((error) => {
      pace?.reset(list.path)
      if (pace && pageSize > FIRST_PAGE && !signal.aborted && isTooMuch(error)) return
      if (list.hasLongRows && pageSize > 1 && error instanceof BackupError && error.code === 'answer-too-long') return
      throw error
    })
    if (!answer) {
      if (!pace) pageSize = Math.ceil(pageSize / 10)
      continue
    }
    const page = answer.value
    if (page.results.length === pageSize) pace?.note(list.path, pageSize, performance.now() - askedAtMs)
    for (const row of page.results) {
      if (row.id <= lastId) throw notRising(list.path)
      lastId = row.id
    }
    if (page.results.length > 0) yield page.results
    // `next` alone would miss rows that came while they were counted; a short page alone, a server with smaller pages.
    if (page.results.length === 0 || (page.next === null && page.results.length < pageSize)) return
  }
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

/** What a smaller page may well cure. */
function isTooMuch(error: unknown): boolean {
  return error instanceof BackupError && ['timeout', 'answer-too-long', 'server-error'].includes(error.code)
}

function notRising(path: string): Error {
  return createUnexpectedAnswer({ call: `GET ${path}`, status: 200 }, 'ignores the filter or the order by id')
}
