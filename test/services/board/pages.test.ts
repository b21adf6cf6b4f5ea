// What visitors see: headers, errors, and jobs whatever they hold.

import { describe, expect, test } from 'vitest'
import { describeData, describeName, describeProgress, linkToCvat, shorten } from '#services/board/describe-job.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openBoard, openQueuesOf, openToAll, operator } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const backup: ExportPayload = {
  backupId: 'run.project-6.backup',
  runId: 'run',
  series: { entity: { type: 'project', id: 6 }, content: { kind: 'backup' } },
  name: 'street scenes',
  organization: 'robotics',
  link: 'https://cvat.example.com/projects/6',
  reexports: 0,
}

async function openWithQueues(overrides: Parameters<typeof openBoard>[1] = openToAll) {
  const connection = await redis.connect()
  const queues = openQueuesOf(connection)
  const board = await openBoard(connection, overrides)
  const visitor = board.visitor()
  return {
    connection,
    queues,
    board,
    visitor,
    async jobs(queue: string, query = '') {
      const answer = await visitor.ask(`/queues/api/queues?activeQueue=${queue}${query}`)
      expect(answer.status).toBe(200)
      const { queues: all } = JSON.parse(answer.text) as { queues: { name: string; jobs: Record<string, unknown>[] }[] }
      return all.find(({ name }) => name === queue)!.jobs
    },
  }
}

describe('pages', () => {
  test('load nothing from elsewhere, run no inline script, and are framed by nobody', async () => {
    const { visitor } = await openWithQueues()
    const page = await visitor.open('/queues')
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe-eval|https?:/)
    expect(page.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    expect(page.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    expect(page.headers).not.toHaveProperty('x-powered-by')
    expect((await visitor.ask('/queues/api/queues')).headers).not.toHaveProperty('x-powered-by')
  })

  test.each([
    '/nothing',
    '/queues/nothing/here/at/all',
    '/queues/static/nothing.js',
    '/%E0%A4%A',
    '/queues/%E0%A4%A',
    '/.env',
  ])('that are not there say so without a stack: %s', async (path) => {
    const { visitor } = await openWithQueues()
    const answer = await visitor.open(path)
    expect([400, 404]).toContain(answer.status)
    expect(answer.text).toContain('<p role="alert">')
    expect(answer.text).not.toMatch(/node_modules|\.[jt]s:|Error:/)
  })

  test('of a defect say nothing about it; the log does', async () => {
    const { visitor, connection, board } = await openWithQueues()
    // Redis refuses to read a list as a sorted set.
    await connection.redis.rpush(`${connection.prefix}:exports:failed`, 'x')
    const answer = await visitor.ask('/queues/api/queues?activeQueue=exports&status=failed')
    expect(answer.status).toBe(500)
    expect(answer.text).not.toMatch(/WRONGTYPE|\.[jt]s:/)
    expect(answer.text).toContain('the log of the board says what')
    expect(board.logs.text()).toContain('WRONGTYPE')
  })

  test('refuse a body that is too large, and one that is no JSON', async () => {
    const { visitor } = await openWithQueues({})
    await visitor.open('/login')
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await visitor.ask('/login', { method: 'POST', headers, body: `x=${'x'.repeat(20_000)}` })
    expect(answer.status).toBe(413)
    expect(answer.text).not.toMatch(/\.[jt]s:/)
  })
})

describe('a job shows', () => {
  test('whose it is, what it is about, and where that is at CVAT', async () => {
    const { queues, jobs } = await openWithQueues()
    await queues.exports.add({ name: backup.name, jobId: backup.backupId, payload: backup })
    const [job] = await jobs('exports')
    expect(job).toMatchObject({
      name: 'street scenes (project 6)',
      externalUrl: { href: 'https://cvat.example.com/projects/6', displayText: 'Open in CVAT' },
      data: { entity: 'project-6', name: 'street scenes', organization: 'robotics', content: 'backup' },
    })
    expect(Object.keys(job!.data as object).slice(0, 3)).toEqual(['entity', 'name', 'organization'])
  })

  test('how far its download is', async () => {
    const { queues, jobs } = await openWithQueues()
    const download = { ...backup, requestId: 'r' } as unknown as DownloadPayload
    const job = await queues.downloads.bull.add(backup.name, download)
    await job.updateProgress({ phase: 'download', receivedBytes: 512, totalBytes: 2_048 })
    expect((await jobs('downloads'))[0]!.progress).toEqual({
      phase: 'download',
      progress: 25,
      receivedBytes: 512,
      totalBytes: 2_048,
    })
  })

  test('the lines that it logged', async () => {
    const { queues, visitor } = await openWithQueues()
    const job = await queues.exports.bull.add(backup.name, backup, { jobId: 'j1' })
    await job.log('T INFO export asked for')
    const answer = await visitor.ask('/queues/api/queues/exports/j1/logs')
    expect(JSON.parse(answer.text)).toEqual(['T INFO export asked for'])
  })

  test('in words what it is about in every queue', () => {
    const annotations = { kind: 'annotations', format: 'COCO 1.0', saveImages: false }
    const series = { entity: { type: 'task', id: 9 }, content: annotations }
    expect(describeName('x', { ...backup, series })).toBe('street scenes (task 9, annotations)')
    expect(describeData({ ...backup, series, organization: null })).toMatchObject({
      content: 'annotations as COCO 1.0',
      organization: '(personal)',
    })
    expect(describeName('street scenes', { entity: { type: 'project', id: 6 } })).toBe('street scenes (project 6)')
    expect(describeName('end run-1', { do: 'end-run', runId: 'run-1' })).toBe('end run-1')
    expect(describeProgress({ phase: 'export started' })).toEqual({ phase: 'export started' })
    expect(describeProgress({ phase: 'download', receivedBytes: 5, totalBytes: 0 })).toMatchObject({ receivedBytes: 5 })
  })

  test('long lists as their length', () => {
    const observation = { tasks: Array.from({ length: 1_204 }, (_, id) => ({ id })) }
    expect(describeData({ ...backup, observation })).toMatchObject({
      observation: { tasks: '1204 entries, not shown' },
    })
  })
})

describe('a forged job', () => {
  test.each(['javascript:alert(1)', 'data:text/html,x', 'https://user:pw@cvat.example.com', 'cvat', '', '//evil'])(
    'links to no %s',
    (link) => {
      expect(linkToCvat({ ...backup, link })).toBeUndefined()
    },
  )

  test('of any data is described and not thrown at', () => {
    const deep = JSON.parse(`${'[{"a":'.repeat(100)}1${'}]'.repeat(100)}`)
    for (const data of [
      null,
      undefined,
      7,
      'x',
      [],
      [backup],
      { series: 7 },
      { entity: null },
      deep,
      'x'.repeat(1e6),
    ]) {
      expect(() => [
        describeName(data, data),
        describeData(data),
        linkToCvat(data),
        describeProgress(data),
      ]).not.toThrow()
      expect(JSON.stringify(shorten(data) ?? null).length).toBeLessThan(5_000)
    }
  })

  test('does not hide the others, and can be removed', async () => {
    const { connection, queues, jobs, visitor } = await openWithQueues()
    const { redis: client, prefix } = connection
    await queues.exports.add({ name: 'sound', jobId: 'sound', payload: backup })
    const forge = async (id: string, fields: Record<string, string>) => {
      await client.hset(`${prefix}:exports:${id}`, fields)
      await client.zadd(`${prefix}:exports:failed`, Date.now(), id)
    }
    await forge('no-json', { name: 'x', data: '{', timestamp: '1' })
    await forge('no-opts', { name: 'x', data: '{}', opts: 'null', timestamp: '1' })
    await forge('bad-opts', { name: 'x', data: '{}', opts: '[', timestamp: '1' })
    await forge('no-numbers', { name: 'x', data: '7', timestamp: 'x', processedOn: 'y', finishedOn: '9e99', atm: 'z' })
    await forge('no-name', { data: '{"name":"<img src=x onerror=alert(1)>"}', timestamp: '1' })
    await forge('bad-progress', { name: 'x', data: '{}', progress: '{', timestamp: '1', stacktrace: '{"a":1}' })
    await client.zadd(`${prefix}:exports:failed`, Date.now(), 'gone')

    const shown = await jobs('exports', '&jobsPerPage=50')
    expect(shown.map(({ id }) => id).sort()).toEqual(
      ['bad-opts', 'bad-progress', 'no-json', 'no-name', 'no-numbers', 'no-opts', 'sound'].sort(),
    )
    expect(shown.find(({ id }) => id === 'no-json')).toMatchObject({ name: 'a job that cannot be read' })
    for (const job of shown) {
      expect(Number.isFinite(job.timestamp)).toBe(true)
      expect(job.name).toEqual(expect.any(String))
      expect((await visitor.ask(`/queues/api/queues/exports/${job.id}`)).status).toBe(200)
    }
    await visitor.open('/queues')
    expect((await visitor.act('/queues/exports/no-json/retry')).status).toBeGreaterThanOrEqual(400)
    expect((await visitor.act('/queues/exports/no-json/clean')).status).toBe(204)
    expect((await jobs('exports', '&status=failed')).map(({ id }) => id)).not.toContain('no-json')
  })
})

test('thousands of jobs are shown a page at a time', async () => {
  const { queues, jobs, visitor } = await openWithQueues()
  const payloads = Array.from({ length: 5_000 }, (_, i) => ({ name: `p${i}`, jobId: `j${i}`, payload: backup }))
  await queues.exports.addAll(payloads)
  expect(await jobs('exports')).toHaveLength(10)
  expect(await jobs('exports', '&status=waiting&page=200')).toHaveLength(10)
  const answer = await visitor.ask('/queues/api/queues?activeQueue=exports')
  expect(answer.text.length).toBeLessThan(50_000)
})

test("neither the board's password nor a planted secret is on any page, in any answer or in the log", async () => {
  const secret = 'planted-Secret-7Q'
  const { visitor, board, queues, connection } = await openWithQueues({ username: 'ops', password: secret })
  await queues.exports.add({ name: backup.name, jobId: 'j1', payload: backup })
  await visitor.logIn({ username: 'ops', password: secret })
  const paths = [
    '/login',
    '/logout',
    '/queues',
    '/queues/api/queues?activeQueue=exports',
    '/queues/api/queues/exports/j1',
    '/queues/api/redis/stats',
    '/nothing',
  ]
  const texts = await Promise.all(paths.map(async (path) => (await visitor.open(path)).text))
  const keys = await connection.redis.keys(`${connection.prefix}:*`)
  expect(keys.join()).not.toContain(secret)
  const stored = await Promise.all(keys.map((key) => connection.redis.dump(key)))
  for (const text of [...texts, board.logs.text(), ...stored.map(String), [...visitor.cookies.values()].join()]) {
    expect(text).not.toContain(secret)
    expect(text).not.toContain(operator.password)
  }
  expect(board.logs.lines.length).toBeGreaterThan(1)
})
