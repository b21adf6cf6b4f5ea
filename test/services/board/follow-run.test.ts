// A run's page follows it: server-sent events from its first backup to its end.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { openFollowing } from '#services/board/follow-run.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { summarise } from '#shared/coordination/summarise-run.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { openBoard } from './board-fixture.ts'

const redis = useRedis()
expectNoLeaks()

const runId = '20261126T000000Z-p-000001'
const token = `viewer-${'v'.repeat(40)}`
const series = (id: number) => ({ entity: { type: 'project', id }, content: { kind: 'backup' } }) as const

async function open() {
  const connection = await redis.connect()
  const ledger = openRunLedger(connection)
  await ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'command' })
  const plan = (id: number) =>
    ledger.plan(runId, {
      ...{ series: `project-${id}.backup`, name: `p${id}`, action: 'backup', reason: '' },
      backupId: `${runId}.project-${id}.backup`,
    } as const)
  const settle = (id: number, result: Outcome['result']) =>
    ledger.settle(`project-${id}.backup`, {
      ...{
        backupId: `${runId}.project-${id}.backup`,
        runId,
        series: series(id),
        name: `p${id}`,
        result,
        sizeBytes: 10,
      },
      ...(result === 'failed' ? { reason: 'no', code: 'export-failed' } : {}),
    } as Outcome)
  return { connection, ledger, plan, settle }
}

interface Told {
  readonly event: string
  readonly data: { readonly done?: number; readonly failed?: number; readonly total?: number; readonly state?: string }
}

/** Reads events until there are no more. */
async function follow(url: string, headers: Record<string, string> = {}) {
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  const answer = await fetch(url, { headers: { connection: 'close', ...headers }, signal: gone.signal })
  const events = readEvents(answer.body ?? [])
  return { status: answer.status, headers: answer.headers, events, leave: () => gone.abort() }
}

async function* readEvents(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Told> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? []
      if (event !== '') yield { event, data: JSON.parse(data) as Told['data'] }
      text = text.slice(end + 2)
    }
  }
}

async function until(events: AsyncGenerator<Told>, is: (told: Told) => boolean): Promise<Told> {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error('the events have ended')
    if (is(value)) return value
  }
}

test('each change of a run is told as it comes, from wherever one joins, and then its end', async () => {
  const { connection, ledger, plan, settle } = await open()
  const board = await openBoard(connection, { tokens: [{ role: 'viewer', token }] })
  const url = `${board.address}/api/v1/runs/${runId}/events`
  const authorization = { authorization: `Bearer ${token}` }
  const first = await follow(url, authorization)
  expect(first.status).toBe(200)
  expect(first.headers.get('content-type')).toContain('text/event-stream')
  expect(first.headers.get('x-accel-buffering')).toBe('no')
  expect(await until(first.events, () => true)).toMatchObject({
    event: 'progress',
    data: { state: 'listing', total: 0 },
  })
  await plan(1)
  await plan(2)
  await settle(1, 'done')
  expect(await until(first.events, ({ data }) => data.done === 1)).toMatchObject({ data: { total: 2, failed: 0 } })
  // The connection breaks, and the browser comes back: it is told at once how things stand.
  first.leave()
  const second = await follow(url, authorization)
  expect(await until(second.events, () => true)).toMatchObject({ data: { done: 1, total: 2 } })
  await settle(2, 'failed')
  await ledger.endListing(runId)
  await ledger.end(runId, 'ended')
  expect(await until(second.events, ({ data }) => data.state === 'ended')).toMatchObject({
    data: { done: 1, failed: 1 },
  })
  expect(await until(second.events, () => true)).toEqual({ event: 'end', data: {} })
  expect((await second.events.next()).done).toBe(true)

  expect((await follow(url)).status).toBe(401)
  expect((await follow(url.replace(runId, 'another'), authorization)).status).toBe(404)
})

test('followers are bounded, and each connection lasts for a while only', async () => {
  const { ledger } = await open()
  const readNumbers = async (id: string) => {
    const account = await ledger.read(id)
    return account && { summary: await summarise(account, ledger), progress: { account, waiting: 0, active: [] } }
  }
  const data = { readNumbers, readRun: readNumbers }
  const followRun = openFollowing(data, { lookEveryMs: 20, longestMs: 200, mostFollowers: 1 })
  const app = express()
  app.get('/', (req, res) => {
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    followRun(String(req.query.run), res, gone.signal).catch(({ status }) => res.status(status).end())
  })
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?run=`
  const one = await follow(url + runId)
  expect((await follow(url + runId)).status).toBe(503)
  const told: string[] = []
  for await (const { event } of one.events) told.push(event)
  // Without the word that all is over: a browser comes back.
  expect(told).toEqual(['progress'])
  expect((await follow(`${url}unknown`)).status).toBe(404)
  expect((await follow(url + runId)).status).toBe(200)
})
