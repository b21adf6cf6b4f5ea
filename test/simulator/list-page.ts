// What every list of CVAT does with its parameters: filter, search, sort, page, and addresses of the neighbouring pages.

import { type Answer, detail, json } from './answers.ts'
import type { Call } from './call.ts'
import { equals, type Fields, FilterError, type Predicate, parseFilter } from './json-logic.ts'

export interface ListSpec<Row> {
  /** All fields that any parameter may name. */
  readonly fields: Fields<Row>
  readonly filter: readonly string[]
  /** Query parameters that are a filter by themselves (`?project_id=6`). */
  readonly simple: readonly string[]
  readonly search: readonly string[]
  readonly sort: readonly string[]
  readonly defaultSort: string
  readonly path: string
}

const defaultPageSize = 10

/** @param rows in ascending order of id */
export function answerList<Row>(
  call: Call,
  spec: ListSpec<Row>,
  rows: readonly Row[],
  describe: (row: Row) => unknown,
): Answer {
  let found: Row[]
  try {
    found = selectRows(call.query, spec, rows)
  } catch (error) {
    if (error instanceof FilterError) return json(400, [error.message])
    throw error
  }
  const size = pageSize(call.query.get('page_size'), found.length)
  const pages = Math.max(1, Math.ceil(found.length / size))
  const page = call.query.get('page') === 'last' ? pages : Number(call.query.get('page') ?? 1)
  if (!Number.isInteger(page) || page < 1 || page > pages) return detail(404, 'Invalid page.')
  return json(200, {
    count: found.length,
    next: page < pages ? pageAddress(call, spec.path, page + 1) : null,
    previous: page > 1 ? pageAddress(call, spec.path, page - 1) : null,
    results: found.slice((page - 1) * size, page * size).map(describe),
  })
}

function selectRows<Row>(query: URLSearchParams, spec: ListSpec<Row>, rows: readonly Row[]): Row[] {
  const tests: Predicate<Row>[] = []
  for (const name of spec.simple) {
    const value = query.get(name)
    if (value !== null) tests.push(equals(spec.fields, name, value))
  }
  const logic = query.get('filter')
  if (logic) tests.push(parseFilter(logic, pick(spec.fields, spec.filter)))
  const terms = (query.get('search') ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
  for (const term of terms) tests.push((row) => spec.search.some((name) => contains(spec.fields, name, row, term)))
  const found = tests.length === 0 ? [...rows] : rows.filter((row) => tests.every((test) => test(row)))
  return sortRows(found, spec, query.get('sort'))
}

function sortRows<Row>(rows: Row[], spec: ListSpec<Row>, asked: string | null): Row[] {
  const terms = (asked ?? '')
    .split(',')
    .map((term) => term.trim())
    .filter((term) => spec.sort.includes(term.replace(/^-/, '')))
  const order = terms.length > 0 ? terms : [spec.defaultSort]
  if (order[0] === 'id') return rows
  if (order[0] === '-id') return rows.reverse()
  return rows.sort((a, b) => {
    for (const term of order) {
      const isDescending = term.startsWith('-')
      const get = spec.fields[isDescending ? term.slice(1) : term]?.get
      const difference = get ? compareValues(get(a), get(b)) : 0
      if (difference !== 0) return isDescending ? -difference : difference
    }
    return 0
  })
}

/** As PostgreSQL sorts: what is missing comes last, and first when descending. */
function compareValues(a: string | number | null, b: string | number | null): number {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  return a < b ? -1 : 1
}

function contains<Row>(fields: Fields<Row>, name: string, row: Row, term: string): boolean {
  return String(fields[name]?.get(row) ?? '')
    .toLowerCase()
    .includes(term)
}

function pick<Row>(fields: Fields<Row>, names: readonly string[]): Fields<Row> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))
}

/** Any size is taken; rubbish, 0 and negative numbers mean the default; `all` is one page. */
function pageSize(asked: string | null, count: number): number {
  if (asked === 'all') return Math.max(1, count)
  return asked !== null && /^\d+$/.test(asked) && Number(asked) > 0 ? Number(asked) : defaultPageSize
}

/** The other parameters stay, sorted by name; the first page is named by leaving `page` out. */
function pageAddress(call: Call, path: string, page: number): string {
  const query = new URLSearchParams(call.query)
  if (page === 1) query.delete('page')
  else query.set('page', String(page))
  query.sort()
  const text = query.toString()
  return `${call.base}${path}${text ? `?${text}` : ''}`
}
