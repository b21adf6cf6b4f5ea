// Exports: start, watch, cancel. One per object, user and kind at a time; its id says so, and is used again for the next.

import { z } from 'zod'
import type { Series } from '#shared/model/series.ts'
import type { ApiCall, ApiCaller } from './api-caller.ts'
import { type ExportRequest, exportRequestSchema } from './export-request.ts'
import { listByNumber } from './list-pages.ts'
import { createUnexpectedAnswer } from './parse-answer.ts'
import type { Query } from './server-url.ts'

const startedSchema = z.object({ rq_id: z.string().min(1) })

const activePageSize = 100

/**
 * Asks for an export, or attaches to the one under way (409), which may have begun before anything the caller knows.
 * A call repeated after a lost answer attaches to its own export, too.
 */
export async function startExport(
  caller: ApiCaller,
  series: Series,
  signal: AbortSignal,
): Promise<{ requestId: string; attached: boolean }> {
  const call: ApiCall = { method: 'POST', ...exportTarget(series), expected: [200, 202, 409] }
  const { status, value } = await caller.readJson(call, startedSchema, signal)
  return { requestId: value.rq_id, attached: status === 409 }
}

export async function getRequest(caller: ApiCaller, requestId: string, signal: AbortSignal): Promise<ExportRequest> {
  const call: ApiCall = { method: 'GET', path: requestPath(requestId) }
  return (await caller.readJson(call, exportRequestSchema, signal)).value
}

/**
 * Any call of the list makes CVAT look for dead workers: requests whose worker was killed become `failed` within about
 * 90 s of it, where asking by id alone took over ten minutes. One row of one status is the cheapest such call.
 */
export async function refreshRequests(caller: ApiCaller, signal: AbortSignal): Promise<void> {
  const query = { action: 'export', status: 'queued', page_size: 1 }
  await caller.readJson(
    { method: 'GET', path: '/api/requests', query },
    z.object({ results: z.array(z.unknown()) }),
    signal,
  )
}

/** Queued ones first: one that starts meanwhile comes twice rather than never. */
export async function* listActiveRequests(
  caller: ApiCaller,
  action: 'export' | 'import',
  signal: AbortSignal,
): AsyncGenerator<ExportRequest> {
  for (const status of ['queued', 'started']) {
    const query = { action, status, page_size: activePageSize }
    const list = { path: '/api/requests', query, row: exportRequestSchema }
    for await (const page of listByNumber(caller, list, signal)) yield* page
  }
}

/** False when it was too late (started or ended) or the server does not know it. */
export async function cancelRequest(caller: ApiCaller, requestId: string, signal: AbortSignal): Promise<boolean> {
  const path = `${requestPath(requestId)}/cancel`
  return (await caller.readStatus({ method: 'POST', path, expected: [200, 400, 404] }, signal)) === 200
}

/**
 * `location=local`: otherwise a project with a target storage in the cloud is exported there, out of reach.
 * `lightweight=false`: otherwise some versions leave out the media of tasks in cloud storages.
 */
function exportTarget({ entity, content }: Series): { path: string; query: Query } {
  const base = `/api/${entity.type}s/${entity.id}`
  if (content.kind === 'backup') {
    return { path: `${base}/backup/export`, query: { location: 'local', lightweight: 'false' } }
  }
  const query = { location: 'local', format: content.format, save_images: String(content.saveImages) }
  return { path: `${base}/dataset/export`, query }
}

function requestPath(requestId: string): string {
  // An id of dots alone would climb up the path; no server gives one.
  if (/^\.*$/.test(requestId)) {
    throw createUnexpectedAnswer({ call: 'GET /api/requests', status: 200 }, 'named a request without an id')
  }
  return `/api/requests/${encodeURIComponent(requestId)}`
}
