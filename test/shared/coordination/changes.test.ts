import { expect, test } from 'vitest'
import { takeOverdue } from '#services/scheduler/take-changes.ts'
import { type Changes, openChanges } from '#shared/coordination/changes.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { runsQueue } from '#shared/queues/runs-queue.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()
const project = (id: number) => ({ type: 'project', id }) as const
const times = { quietMs: 100, longestMs: 250 }

async function open(): Promise<Changes> {
  return openChanges(await redis.connect())
}

async function note(changes: Changes, id: number, atMs: number) {
  const noted = await changes.note([project(id)], times, atMs)
  return noted === 'seen' ? expect.fail('seen before') : noted[0]!
}

test('each event puts the backup off, until the longest wait from the first one', async () => {
  const changes = await open()
  const dues: number[] = []
  for (const atMs of [1_000, 1_050, 1_140, 1_230]) dues.push((await note(changes, 1, atMs)).dueAtMs)
  expect(dues).toEqual([1_100, 1_150, 1_240, 1_250])
})

test('what is due is taken together with all else that is, once; what comes later waits anew', async () => {
  const changes = await open()
  const first = await note(changes, 1, 1_000)
  const second = await note(changes, 2, 1_010)
  await note(changes, 3, 1_500)
  expect(await changes.take('a', first, 1_050)).toEqual({ dueAtMs: 1_100 })
  expect(await changes.take('a', first, 1_200)).toEqual({ entities: [project(1), project(2)] })
  expect(await changes.take('b', second, 1_200)).toBe('gone')
  const again = await note(changes, 1, 1_210)
  expect(again).toEqual({ entity: project(1), generation: again.generation, dueAtMs: 1_310, needsJob: true })
  expect(again.generation).toBeGreaterThan(first.generation)
  expect(await changes.count()).toBe(2)
})

test('a job is needed until it was added, and again once its entity was taken', async () => {
  const changes = await open()
  const first = await note(changes, 1, 1_000)
  expect([first.needsJob, (await note(changes, 1, 1_010)).needsJob]).toEqual([true, true])
  await changes.noteAdded([first])
  const later = await note(changes, 1, 1_020)
  expect(later).toMatchObject({ generation: first.generation, needsJob: false })
  expect(await changes.take('a', later, 2_000)).toEqual({ entities: [project(1)] })
  // Late, and about the one before.
  await changes.noteAdded([first])
  expect((await note(changes, 1, 2_010)).needsJob).toBe(true)
})

test('what is to be noted once puts nothing off the second time', async () => {
  const connection = await redis.connect()
  const changes = openChanges(connection)
  const once = { key: `${connection.prefix}:once`, windowMs: 60_000 }
  const noted = await changes.note([project(1)], times, 1_000, once)
  expect(noted).toMatchObject([{ dueAtMs: 1_100 }])
  expect(await changes.note([project(1)], times, 1_050, once)).toBe('seen')
  expect(await note(changes, 1, 1_050)).toMatchObject({ dueAtMs: 1_150 })
})

test('a batch whose handler has died is given again until it was handed on', async () => {
  const changes = await open()
  const noted = await note(changes, 1, 1_000)
  const taken = { entities: [project(1)] }
  expect(await changes.take('a', noted, 2_000)).toEqual(taken)
  await note(changes, 1, 2_050)
  expect(await changes.take('a', noted, 9_000)).toEqual(taken)
  await changes.drop('a')
  expect(await changes.take('a', noted, 9_000)).toBe('gone')
  expect(await changes.count()).toBe(1)
})

test('what is overdue because its job is gone starts a run all the same, and what is not waits', async () => {
  const connection = await redis.connect()
  const changes = openChanges(connection)
  const runs = openQueue(runsQueue, connection)
  try {
    await changes.note([project(1)], times, Date.now() - 120_000)
    await changes.note([project(2)], times, Date.now())
    await takeOverdue({ changes, runs })
    await takeOverdue({ changes, runs })
    const jobs = await runs.bull.getJobs()
    expect(jobs.map(({ data }) => data)).toEqual([
      { do: 'start-run', mode: 'p', full: false, entities: [project(1)], trigger: 'event' },
    ])
  } finally {
    await runs.close()
  }
})
