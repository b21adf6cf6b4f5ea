import { expect, test } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { startStack } from '../support/start-stack.ts'
import { adoptAll, downloadLikeTheOriginal } from './adopt-fixture.ts'

const redis = useRedis()
const one: EntityRef = { type: 'project', id: 1 }

test('an adopted archive never shows that nothing has changed, even where its date is the very one of the server', async () => {
  const world = emptyWorld()
  // No task and no fraction of a second: the observation of the adopted archive says the same, digit by digit.
  const date = '2026-11-20T10:00:00Z'
  world.addProject({ id: 1, name: 'quiet', createdDate: date, updatedDate: date })
  const stack = await startStack(redis, { world })
  await downloadLikeTheOriginal(stack.simulator.url, stack.directory, one)
  expect((await adoptAll({ directory: stack.directory, url: stack.simulator.url })).totals.adopted).toBe(1)
  expect(await stack.backUp()).toMatchObject({ done: 1, skipped: 0, failed: 0 })
  expect(await stack.backUp()).toMatchObject({ done: 0, skipped: 1, failed: 0 })
})

test('the next sweep removes nothing that was just adopted, however old it is', async () => {
  const world = emptyWorld()
  world.clock.advance(-400 * 24 * 3600_000)
  world.addProject({ id: 1, name: 'old' })
  world.addTask({ projectId: 1, name: 'a task', frames: 2 })
  const stack = await startStack(redis, { world, services: [] })
  for (let month = 0; month < 8; month++) {
    await downloadLikeTheOriginal(stack.simulator.url, stack.directory, one)
    world.clock.advance(30 * 24 * 3600_000)
    world.annotate(1)
  }
  await adoptAll({ directory: stack.directory, url: stack.simulator.url })
  const options = {
    rules: { ttlMs: 24 * 3600_000, minBackups: 3 },
    dryRun: false,
    isActive: () => false,
    signal: new AbortController().signal,
  }
  expect(await sweepAll(stack.store, { ...options, now: new Date() })).toMatchObject({ removed: 0, kept: 8 })
  // From adoption on the rules count as for any archive, and the newest content stays.
  const later = new Date(Date.now() + 25 * 3600_000)
  const newest = (await stack.archives()).slice(0, 3).map(({ record }) => record.archive.fileName)
  expect(await sweepAll(stack.store, { ...options, now: later })).toMatchObject({ removed: 5, kept: 3 })
  expect((await stack.archives()).map(({ record }) => record.archive.fileName)).toEqual(newest)
})
