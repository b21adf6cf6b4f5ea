import { expect, onTestFinished, test } from 'vitest'
import { type OpenQueue, openQueue } from '#shared/queues/open-queue.ts'
import { type SweepPayload, sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { consume } from '#shared/service/consume.ts'
import { untilSwept } from '../../cli/until-swept.ts'
import type { RunView } from '../../cli/view/run-view.ts'
import { collectLogs } from '../support/collect-logs.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'

const redis = useRedis()
expectNoLeaks()

async function openSweeps(handle: () => Promise<string>) {
  const connection = await redis.connect()
  const sweeps: OpenQueue<SweepPayload> = openQueue(sweepsQueue, connection)
  const consumer = consume({
    definition: sweepsQueue,
    connection: await redis.connect(connection.prefix),
    logger: collectLogs().logger,
    concurrency: 1,
    handle,
  })
  onTestFinished(async () => {
    await consumer.close()
    await sweeps.close()
  })
  const said: string[] = []
  const view: RunView = {
    onEvents: () => undefined,
    onAccount: () => undefined,
    say: (line) => void said.push(line),
    close: () => undefined,
  }
  const wait = () => untilSwept(sweeps, 0, view, AbortSignal.timeout(10_000))
  return { sweeps, said, wait }
}

test('sweeps that are queued are waited for', async () => {
  let swept = 0
  const { sweeps, said, wait } = await openSweeps(async () => `${++swept}`)
  const jobs = [1, 2, 3].map((id) => ({ name: 'x', payload: { entity: { type: 'task', id } as const } }))
  await sweeps.addAll(jobs)
  expect(await wait()).toBe(true)
  expect(swept).toBe(3)
  expect(said).toEqual([])
})

test('one that failed and waits for its next try is told', async () => {
  const { sweeps, said, wait } = await openSweeps(async () => {
    throw new Error('the disk is read-only')
  })
  await sweeps.add({ name: 'x', payload: { entity: { type: 'task', id: 1 } } })
  expect(await wait()).toBe(false)
  expect(said).toMatchObject([expect.stringContaining('1 sweeps')])
})

test("a schedule's next sweep, left by another process, is no trouble", async () => {
  const { sweeps, said, wait } = await openSweeps(async () => 'done')
  await sweeps.bull.upsertJobScheduler('nightly', { pattern: '0 0 1 1 *' }, { name: 'all', data: {} })
  expect(await wait()).toBe(true)
  expect(said).toEqual([])
})
