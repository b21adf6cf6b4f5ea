import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { Series } from '#shared/model/series.ts'
import { type RecordedExchange, readRecordings, startReplay } from './recorded-exchange.ts'
import { collect, faultOf, noAbort, openTestClient } from './test-client.ts'

const recordings = readRecordings()

function recording(name: string): RecordedExchange {
  const found = recordings.get(name)
  if (!found) throw new Error(`no recording ${name}`)
  return found
}

/** The call of the client that the recorded request is; undefined for requests that it never makes. */
function callOf({ method, target }: RecordedExchange['request']): ((cvat: CvatClient) => Promise<unknown>) | undefined {
  const path = target.replace(/\?.*$/, '')
  const query = new URLSearchParams(target.slice(path.length))
  const signal = noAbort()
  const [, type, id, kind] = /^\/api\/(project|task)s\/(\d+)(?:\/(backup|dataset)\/export)?$/.exec(path) ?? []
  if (method === 'POST' && kind) {
    const entity = { type: type as 'project' | 'task', id: Number(id) }
    const content: Series['content'] =
      kind === 'backup'
        ? { kind: 'backup' }
        : { kind: 'annotations', format: query.get('format') ?? '?', saveImages: query.get('save_images') === 'true' }
    return (cvat) => cvat.startExport({ entity, content }, signal)
  }
  const requestId = /^\/api\/requests\/([^/]+)$/.exec(path)?.[1]
  const cancelId = /^\/api\/requests\/([^/]+)\/cancel$/.exec(path)?.[1]
  if (method === 'POST' && cancelId) return (cvat) => cvat.cancelRequest(decodeURIComponent(cancelId), signal)
  if (method !== 'GET') return undefined
  if (requestId) return (cvat) => cvat.getRequest(decodeURIComponent(requestId), signal)
  if (path === '/api/requests') return (cvat) => cvat.refreshRequests(signal)
  if (path === '/api/server/about') return (cvat) => cvat.getAbout(signal)
  if (path === '/api/users/self') return (cvat) => cvat.getSelf(signal)
  if (path === '/api/server/annotation/formats') return (cvat) => cvat.listFormats(signal)
  if (/^\/api\/(projects|tasks)\/\d+\/(backup|dataset)\/download$/.test(path)) {
    return async (cvat) => (await cvat.openDownload(target, {}, signal)).body.destroy()
  }
  if (type === 'project' && !kind) return (cvat) => cvat.getProject(Number(id), signal)
  if (type === 'task' && !kind) return (cvat) => cvat.getTask(Number(id), signal)
  return undefined
}

describe('every recorded success of a call that the client makes', () => {
  const successes = [...recordings.values()].filter(
    ({ request, response }) => callOf(request) && [200, 202, 409].includes(response.status),
  )

  it('is among the recordings', () => {
    expect(successes.length).toBeGreaterThan(80)
  })

  it.each(successes.map((exchange) => [exchange.name, exchange] as const))('fits: %s', async (_, exchange) => {
    await using server = await startReplay(exchange)
    await using client = openTestClient(server.url)
    await callOf(exchange.request)?.(client.cvat)
    const [seen] = server.seen
    expect([seen?.method, seen?.path.replace(/\/$/, '')]).toEqual([
      exchange.request.method,
      // One recording proves that the server also takes an id that is not encoded; the client never sends one.
      new URL(exchange.request.target.replaceAll(/(?<=requests\/[^?]*)[=&]/g, encodeURIComponent), 'http://x').pathname,
    ])
  })
})

describe('every recorded failure of a call that the client makes', () => {
  const expected: Record<string, string> = {
    b3b_download_unfinished: 'export-not-finished',
    b8f_range_eof: 'range-not-satisfiable',
    b8i_noauth: 'login-failed',
    b8j_bob: 'forbidden',
    b8k_bob_rq: 'forbidden',
    d10c_download_failed: 'export-not-finished',
    d1_missing_project: 'not-found',
    d3_unknown_rq: 'unknown-request',
    d3b_garbage_rq: 'unknown-request',
    d3d_download_unknown_rq: 'unknown-request',
    d3e_download_mismatched_rq: 'bad-request',
    d3f_download_no_rq: 'bad-request',
    d3g_download_missing_project: 'not-found',
    d4_bad_format: 'unknown-format',
    d4b_no_format: 'unknown-format',
    d5_export_no_access: 'forbidden',
    d5b_get_no_access: 'forbidden',
    d5c_bob_missing: 'not-found',
    d6c_bad_location: 'server-error',
    d6d_cloud_location: 'server-error',
    d7c_download_after_delete: 'file-expired',
    d9b_backup_task_nodata: 'no-data',
    f3_rq_after_cancel: 'unknown-request',
    h1d_bearer_with_token: 'login-failed',
    h2c_pat_as_token: 'login-failed',
    h4b_pat_expired_use: 'login-failed',
    k7_accept_json: 'not-acceptable',
    l1b_502_about: 'server-error',
    m1_throttled_about: 'throttled',
    m1d_badbasic_while_throttled: 'login-failed',
    n6_csrf_session: 'login-failed',
    p3e_dl: 'not-found',
    q1_rq_after_redis_loss: 'unknown-request',
    q1b_download_after_redis_loss: 'unknown-request',
  }
  const cancels = /\/cancel$/
  const failures = [...recordings.values()].filter(
    ({ request, response }) =>
      callOf(request) && !cancels.test(request.target) && response.status >= 400 && response.status !== 409,
  )

  it.each(failures.map((exchange) => [exchange.name, exchange] as const))(
    'has its code: %s',
    async (name, exchange) => {
      await using server = await startReplay(exchange)
      await using client = openTestClient(server.url, { retry: { attempts: 1 } })
      const fault = await faultOf(callOf(exchange.request)?.(client.cvat) ?? Promise.resolve())
      const code = expected[name]
      expect(fault.code, `${exchange.response.status} ${fault.message}`).toBe(code)
      expect(fault.retryable).toBe(['server-error', 'throttled', 'export-not-finished'].includes(fault.code))
    },
  )
})

describe('recorded answers', () => {
  async function replay<T>(name: string, use: (cvat: CvatClient) => Promise<T>): Promise<T> {
    await using server = await startReplay(recording(name))
    await using client = openTestClient(server.url, { retry: { attempts: 1 } })
    return await use(client.cvat)
  }

  it('of a new export and of one under way differ in attached', async () => {
    const series: Series = { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } }
    const requestId = 'action=export&target=project&target_id=6&user_id=1&subresource=backup'
    const start = (cvat: CvatClient) => cvat.startExport(series, noAbort())
    expect(await replay('b1_export_post', start)).toEqual({ requestId, attached: false })
    expect(await replay('b2_export_again_queued', start)).toEqual({ requestId, attached: true })
  })

  it('of a request tell its whole life', async () => {
    const get = (cvat: CvatClient) => cvat.getRequest('x', noAbort())
    expect(await replay('b3_rq_queued', get)).toMatchObject({ status: 'queued', startedDate: null, resultUrl: null })
    expect(await replay('b4_rq_started', get)).toMatchObject({ status: 'started', finishedDate: null })
    expect(await replay('b6_rq_finished', get)).toEqual({
      id: 'action=export&target=project&target_id=6&user_id=1&subresource=backup',
      status: 'finished',
      message: '',
      createdDate: '2026-11-22T20:34:44.082741Z',
      startedDate: '2026-11-22T20:34:44.111362Z',
      finishedDate: '2026-11-22T20:34:44.351759Z',
      expiryDate: '2026-11-23T20:34:44.351759Z',
      resultUrl:
        'http://cvat.test:8080/api/projects/6/backup/download?rq_id=action%3Dexport%26target%3Dproject%26target_id%3D6%26user_id%3D1%26subresource%3Dbackup',
      resultId: null,
      operation: 'export:backup',
      entity: { type: 'project', id: 6 },
      format: null,
    })
    const failed = await replay('l3b_rq_after_horse_kill', get)
    expect(failed).toMatchObject({ status: 'failed', resultUrl: null })
    expect(failed.message).toContain('Work-horse terminated unexpectedly')
  })

  it('of cancelling say whether it was in time', async () => {
    const cancel = (cvat: CvatClient) => cvat.cancelRequest('x', noAbort())
    expect(await replay('f2_cancel', cancel)).toBe(true)
    expect(await replay('f4_cancel_again', cancel)).toBe(false)
    expect(await replay('f6_cancel_finished', cancel)).toBe(false)
    expect(await replay('l3e_cancel', cancel)).toBe(false)
    expect(await faultOf(replay('f1b_cancel_by_bob', cancel))).toMatchObject({ code: 'forbidden' })
  })

  it('of lists become rows', async () => {
    const projects = await replay('n1_host_next', (cvat) => cvat.listProjects({}, noAbort()).next())
    expect(projects.value).toEqual([
      {
        id: 19,
        name: 'acme project',
        owner: 'admin',
        assignee: null,
        created_date: '2026-11-22T20:46:15.421378Z',
        updated_date: '2026-11-22T20:46:15.421396Z',
        organization_id: 1,
      },
    ])
    const tasks = await replay('j3_tasks_noproject', (cvat) =>
      collect(cvat.listTasks({ withoutProject: true }, noAbort())),
    )
    expect(tasks).toEqual([
      {
        id: 18,
        name: 'free task (no project)',
        project_id: null,
        project_name: null,
        subset: '',
        size: 3,
        status: 'annotation',
        owner: 'admin',
        assignee: null,
        created_date: '2026-11-22T20:32:55.722970Z',
        updated_date: '2026-11-22T20:33:01.374331Z',
        organization_id: null,
      },
    ])
    const slugs: string[] = []
    await replay('h9_orgs', async (cvat) => {
      for await (const { slug } of cvat.listOrganizations(noAbort())) slugs.push(slug)
    })
    expect(slugs).toEqual(['acme'])
  })

  it('of a list in no order by id are refused', async () => {
    const fault = await faultOf(replay('a3_projects_ps3', (cvat) => collect(cvat.listProjects({}, noAbort()))))
    expect(fault.code).toBe('unexpected-answer')
  })

  it('of an organization that is not there, or not ours, say so', async () => {
    const list = (cvat: CvatClient) => collect(cvat.listProjects({}, noAbort()))
    expect(await faultOf(replay('h5_org_unknown', list))).toMatchObject({ code: 'unknown-organization' })
    expect(await faultOf(replay('h7h_bob_acme', list))).toMatchObject({ code: 'forbidden' })
  })

  it('of a page at the root instead of CVAT say so', async () => {
    expect(await faultOf(replay('n2d_root', (cvat) => cvat.checkServer(noAbort())))).toMatchObject({ code: 'not-cvat' })
  })

  it('of a task without data have no size', async () => {
    const exchange = recording('d9_task_nodata')
    await using server = await startReplay({ ...exchange, response: { ...exchange.response, status: 200 } })
    await using client = openTestClient(server.url)
    expect(await client.cvat.getTask(23, noAbort())).toMatchObject({ id: 23, size: 0, project_id: null })
  })

  it('of a task’s media tell which frames are deleted', async () => {
    const get = (cvat: CvatClient) => cvat.getTaskMeta(15, noAbort())
    expect(await replay('c8c_delete_frame', get)).toEqual({ deleted_frames: [0] })
    expect(await replay('c_frame_restore', get)).toEqual({ deleted_frames: [] })
  })

  it('of a download tell its size and whether it can be resumed', async () => {
    await replay('k11_dl_gzip', async (cvat) => {
      const download = await cvat.openDownload(recording('k11_dl_gzip').request.target, {}, noAbort())
      expect(download).toMatchObject({ status: 200, totalBytes: 14_268, acceptsRanges: true, etag: '"6b0354d5-37bc"' })
      expect(await buffer(download.body)).toHaveLength(14_268)
    })
    await replay('b8b_range', async (cvat) => {
      const download = await cvat.openDownload(recording('b8b_range').request.target, { offset: 100 }, noAbort())
      expect(download).toMatchObject({ status: 206, offset: 100, totalBytes: 62_507_739 })
      download.body.destroy()
    })
    await replay('b8d_ifrange_wrong', async (cvat) => {
      const options = { offset: 100, ifRange: '"other"' }
      const download = await cvat.openDownload(recording('b8d_ifrange_wrong').request.target, options, noAbort())
      expect(download).toMatchObject({ status: 200, offset: 0 })
      download.body.destroy()
    })
  })
})
