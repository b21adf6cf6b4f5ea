import { describe, expect, it } from 'vitest'
import type { JobScope, TaskScope } from '#shared/cvat/client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Script, sendJson, startScriptedServer } from './scripted-server.ts'
import { collect, faultOf, noAbort, openTestClient } from './test-client.ts'

const date = '2026-11-22T20:34:34.283028Z'

/** Answers a list as CVAT does: filter, then order, then page. Knows `and` and `>` on id, which is all it is asked. */
function keyedList(rows: Map<number, object>, afterPage: (pageNumber: number) => void = () => {}): Script {
  let pages = 0
  return (request, response) => {
    const pageSize = Number(request.query.get('page_size'))
    const ids = [...rows.keys()].filter((id) => id > readAfterId(request.query)).sort((a, b) => a - b)
    const results = ids.slice(0, pageSize).map((id) => ({ id, name: `p${id}`, updated_date: date, ...rows.get(id) }))
    const next = ids.length > pageSize ? 'http://elsewhere.invalid/api/projects?page=2' : null
    sendJson(response, 200, { count: ids.length, next, previous: null, results })
    afterPage(++pages)
  }
}

function readAfterId(query: URLSearchParams): number {
  const { and } = JSON.parse(query.get('filter') ?? '') as { and: Record<string, [{ var: string }, number]>[] }
  return and.at(-1)?.['>']?.[1] ?? Number.NaN
}

function rowsUpTo(count: number): Map<number, object> {
  return new Map(Array.from({ length: count }, (_, index) => [index + 1, {}]))
}

describe('lists by key', () => {
  it.each([1, 2, 5, 7, 10, 11, 500])('hold every row once, ordered by id, with pages of %i', async (pageSize) => {
    await using server = await startScriptedServer(keyedList(rowsUpTo(10)))
    await using client = openTestClient(server.url)
    const sizes: number[] = []
    const ids: number[] = []
    for await (const page of client.cvat.listProjects({ maxPageSize: pageSize }, noAbort())) {
      sizes.push(page.length)
      ids.push(...page.map(({ id }) => id))
    }
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(Math.max(...sizes)).toBeLessThanOrEqual(pageSize)
    expect(sizes).not.toContain(0)
  })

  it('hold every row once while pages grow, since the server answers quickly', async () => {
    const sizes: number[] = []
    const script = keyedList(rowsUpTo(6_200))
    await using server = await startScriptedServer((request, response) => {
      sizes.push(Number(request.query.get('page_size')))
      return script(request, response)
    })
    await using client = openTestClient(server.url)
    const ids = (await collect(client.cvat.listProjects({}, noAbort()))).map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: 6_200 }, (_, index) => index + 1))
    expect(sizes[0]).toBe(500)
    for (const [index, size] of sizes.entries()) expect(size).toBeLessThanOrEqual((sizes[index - 1] ?? 500) * 4)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000)
  })

  it('ask for the next page while one is worked on, and for no further one', async () => {
    let asked = 0
    const script = keyedList(rowsUpTo(3_000))
    await using server = await startScriptedServer((request, response) => {
      asked++
      return script(request, response)
    })
    await using client = openTestClient(server.url)
    const pages = client.cvat.listProjects({}, noAbort())
    await pages.next()
    await waitFor('the next page to be asked for', () => asked === 2)
    await pages.next()
    await waitFor('the page after that', () => asked === 3)
    await pages.return(undefined)
    expect((await pages.next()).done).toBe(true)
    expect(asked).toBe(3)
  })

  it('tell of a page that could not be had when it is its turn, and of an abort by its own reason', async () => {
    let asked = 0
    const script = keyedList(rowsUpTo(3_000))
    await using server = await startScriptedServer((request, response) => {
      if (++asked === 1) return script(request, response)
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"detail":"no"}')
    })
    await using client = openTestClient(server.url)
    const pages = client.cvat.listProjects({}, noAbort())
    expect((await pages.next()).value).toHaveLength(500)
    await waitFor('the next page to be asked for', () => asked === 2)
    await expect(pages.next()).rejects.toMatchObject({ code: 'forbidden' })
    asked = 0
    const stopping = new AbortController()
    const others = client.cvat.listProjects({}, stopping.signal)
    await others.next()
    stopping.abort(new Error('stopped'))
    await expect(others.next()).rejects.toThrow('stopped')
  })

  it.each([
    ['answers 500', undefined, 'answer'],
    ['answers 500', 2_000, 'answer'],
    ['closes the connection', undefined, 'close'],
  ] as const)('go on with small pages where the server %s to large ones (at most %s rows)', async (_, most, how) => {
    const script = keyedList(rowsUpTo(3_000))
    let refused = 0
    await using server = await startScriptedServer((request, response) => {
      if (Number(request.query.get('page_size')) <= 500) return script(request, response)
      refused++
      if (how === 'close') response.destroy()
      else sendJson(response, 500, { detail: 'out of memory' })
    })
    await using client = openTestClient(server.url)
    const ids = (await collect(client.cvat.listProjects({ maxPageSize: most }, noAbort()))).map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1))
    // One page with all its tries, and then no more of that size.
    expect(refused).toBe(5)
  })

  it('begin with a page that no server takes long for, whatever the most is', async () => {
    await using server = await startScriptedServer(keyedList(rowsUpTo(10)))
    await using client = openTestClient(server.url)
    await collect(client.cvat.listProjects({ maxPageSize: 6_000 }, noAbort()))
    expect(server.seen.map(({ query }) => query.get('page_size'))).toEqual(['500'])
  })

  it('show every surviving row though rows are deleted between two pages', async () => {
    const rows = rowsUpTo(40)
    const deleted = new Set<number>()
    const script = keyedList(rows, (page) => {
      // What was shown already, and something yet to come: by page number, both shift others out of sight.
      for (const id of [page * 5 - 4, page * 5 - 3, page * 5 + 8]) {
        if (rows.delete(id)) deleted.add(id)
      }
    })
    await using server = await startScriptedServer(script)
    await using client = openTestClient(server.url)
    const seen = (await collect(client.cvat.listProjects({ maxPageSize: 5 }, noAbort()))).map(({ id }) => id)
    expect(deleted.size).toBeGreaterThan(10)
    for (const id of rows.keys()) expect(seen).toContain(id)
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('go on when the server gives smaller pages than asked for', async () => {
    const rows = rowsUpTo(25)
    await using server = await startScriptedServer((request, response) => {
      request.query.set('page_size', '10')
      return keyedList(rows)(request, response)
    })
    await using client = openTestClient(server.url)
    expect(await collect(client.cvat.listProjects({ maxPageSize: 1000 }, noAbort()))).toHaveLength(25)
    expect(server.seen).toHaveLength(3)
  })

  it('begin after the id asked for', async () => {
    await using server = await startScriptedServer(keyedList(rowsUpTo(10)))
    await using client = openTestClient(server.url)
    const rows = await collect(client.cvat.listProjects({ afterId: 8 }, noAbort()))
    expect(rows.map(({ id }) => id)).toEqual([9, 10])
  })

  it('end with an error when the server ignores the filter, instead of going round for ever', async () => {
    await using server = await startScriptedServer((_, response) => {
      const results = [1, 2].map((id) => ({ id, name: 'p', updated_date: date }))
      sendJson(response, 200, { count: 9, next: 'http://elsewhere.invalid/?page=2', previous: null, results })
    })
    await using client = openTestClient(server.url)
    const fault = await faultOf(collect(client.cvat.listProjects({ maxPageSize: 2 }, noAbort())))
    expect(fault).toMatchObject({ code: 'unexpected-answer', retryable: false })
    expect(server.seen).toHaveLength(2)
  })

  it('end with an error when the server ignores the order', async () => {
    await using server = await startScriptedServer((_, response) => {
      const results = [2, 1].map((id) => ({ id, name: 'p', updated_date: date }))
      sendJson(response, 200, { count: 2, next: null, previous: null, results })
    })
    await using client = openTestClient(server.url)
    expect(await faultOf(collect(client.cvat.listProjects({}, noAbort())))).toMatchObject({ code: 'unexpected-answer' })
  })

  it('ask for no page that nobody reads', async () => {
    await using server = await startScriptedServer(keyedList(rowsUpTo(10)))
    await using client = openTestClient(server.url)
    for await (const page of client.cvat.listProjects({ maxPageSize: 2 }, noAbort())) {
      expect(page).toHaveLength(2)
      break
    }
    expect(server.seen).toHaveLength(1)
  })

  it('always ask for the first page, ordered by id', async () => {
    await using server = await startScriptedServer(keyedList(rowsUpTo(3)))
    await using client = openTestClient(server.url)
    const filter = { '>=': [{ var: 'updated_date' }, date] }
    await collect(client.cvat.listProjects({ maxPageSize: 2, filter }, noAbort()))
    expect(server.seen.map(({ query }) => Object.fromEntries(query))).toEqual([
      { filter: JSON.stringify({ and: [filter, { '>': [{ var: 'id' }, 0] }] }), sort: 'id', page_size: '2' },
      { filter: JSON.stringify({ and: [filter, { '>': [{ var: 'id' }, 2] }] }), sort: 'id', page_size: '2' },
    ])
  })
})

describe('scopes', () => {
  const after = { '>': [{ var: 'id' }, 0] }

  it.each<[TaskScope, object[]]>([
    [{ all: true }, []],
    [{ projectId: 6 }, [{ '==': [{ var: 'project_id' }, 6] }]],
    [{ projectIds: { from: 3, to: 9 } }, [{ '>=': [{ var: 'project_id' }, 3] }, { '<=': [{ var: 'project_id' }, 9] }]],
    [{ withoutProject: true }, [{ '!': { var: 'project_id' } }]],
    [{ all: true, updatedSince: date }, [{ '>=': [{ var: 'updated_date' }, date] }]],
    [
      { withoutProject: true, updatedSince: date },
      [{ '!': { var: 'project_id' } }, { '>=': [{ var: 'updated_date' }, date] }],
    ],
  ])('of tasks become filters: %j', async (scope, terms) => {
    await using server = await startScriptedServer(keyedList(new Map()))
    await using client = openTestClient(server.url)
    expect(await collect(client.cvat.listTasks(scope, noAbort()))).toEqual([])
    expect(server.seen[0]?.path).toBe('/api/tasks')
    expect(JSON.parse(server.seen[0]?.query.get('filter') ?? '')).toEqual({ and: [...terms, after] })
  })

  it.each<[JobScope, object[]]>([
    [{ taskId: 4 }, [{ '==': [{ var: 'task_id' }, 4] }]],
    [{ taskIds: { from: 3, to: 9 } }, [{ '>=': [{ var: 'task_id' }, 3] }, { '<=': [{ var: 'task_id' }, 9] }]],
    [{ projectId: 6 }, [{ '==': [{ var: 'project_id' }, 6] }]],
    [{ projectIds: { from: 3, to: 9 } }, [{ '>=': [{ var: 'project_id' }, 3] }, { '<=': [{ var: 'project_id' }, 9] }]],
  ])('of jobs become filters: %j', async (scope, terms) => {
    await using server = await startScriptedServer(keyedList(new Map()))
    await using client = openTestClient(server.url)
    expect(await collect(client.cvat.listJobs(scope, noAbort()))).toEqual([])
    expect(server.seen[0]?.path).toBe('/api/jobs')
    expect(JSON.parse(server.seen[0]?.query.get('filter') ?? '')).toEqual({ and: [...terms, after] })
  })
})

describe('lists by number', () => {
  const request = (id: string, status: string) => ({
    id,
    status,
    created_date: date,
    operation: { type: 'export:backup', target: 'project', project_id: 6 },
  })

  it('of active exports hold the queued ones and then the started ones', async () => {
    await using server = await startScriptedServer(({ query }, response) => {
      const [status, page] = [query.get('status') ?? '', Number(query.get('page'))]
      const next = page < 2 ? 'http://elsewhere.invalid/' : null
      sendJson(response, 200, { count: 2, next, results: [request(`${status}-${page}`, status)] })
    })
    await using client = openTestClient(server.url)
    const ids: string[] = []
    for await (const { id, entity } of client.cvat.listActiveExports(noAbort())) {
      expect(entity).toEqual({ type: 'project', id: 6 })
      ids.push(id)
    }
    expect(ids).toEqual(['queued-1', 'queued-2', 'started-1', 'started-2'])
    expect(server.seen.every(({ query }) => query.get('action') === 'export')).toBe(true)
  })

  it('end where the list has become shorter meanwhile', async () => {
    await using server = await startScriptedServer(({ query }, response) => {
      if (query.get('page') !== '1') return sendJson(response, 404, { detail: 'Invalid page.' })
      sendJson(response, 200, { count: 200, next: 'http://elsewhere.invalid/', results: [request('a', 'queued')] })
    })
    await using client = openTestClient(server.url)
    const ids: string[] = []
    for await (const { id } of client.cvat.listActiveExports(noAbort())) ids.push(id)
    expect(ids).toEqual(['a', 'a'])
  })
})
