import { expect, test } from 'vitest'
import { keepSchedules } from '#services/scheduler/keep-schedules.ts'
import { readCrontab } from '#services/scheduler/read-crontab.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

test('a scheduler that runs only what it is asked for takes away the schedules that another process has left', async () => {
  const left = await startStack(redis, { services: [] })
  const text = '* * * * * backup --mode a\n* * * * * sweep\n* * * * * verify'
  await keepSchedules(readCrontab(text, 'crontab'), { ...left.queues, timeZone: 'UTC' })
  const commanded = await startStack(redis, { prefix: left.connection.prefix, services: ['scheduler'] })
  const { runs, sweeps, verifications } = commanded.queues
  expect((await runs.bull.getJobSchedulers()).map(({ key }) => key)).toEqual(['watch-runs'])
  expect(await sweeps.bull.getJobCountByTypes('delayed', 'waiting')).toBe(0)
  expect(await verifications.bull.getJobCountByTypes('delayed', 'waiting')).toBe(0)
})

test('a schedule starts the run that it asks for when its time has come, and waits for the next', async () => {
  const schedules = readCrontab('0 0 1 1 * backup --mode p', 'crontab')
  const stack = await startStack(redis, { world: smallWorld(), schedules })
  const next = async () =>
    (await stack.queues.runs.bull.getDelayed()).filter(({ name }) => name.startsWith('scheduled run'))
  await (await next())[0]!.promote()
  const record = await waitFor('the record of the run', async () => (await stack.store.readRunRecords())[0])
  expect(record).toMatchObject({ trigger: 'schedule', mode: 'p', full: false, ok: true, done: 1 })
  // Named by the time at which it began, not by that at which its schedule added it.
  expect(record.runId).toMatch(/^\d{8}T\d{6}Z-p-[0-9a-f]{6}$/)
  expect(record.runId.slice(0, 13)).toBe(record.startedAt.replaceAll(/[-:]/g, '').slice(0, 13))
  expect(await next()).toHaveLength(1)
})

test('schedules that are kept again stay as they are, and are read in their time zone', async () => {
  const stack = await startStack(redis, { services: [] })
  const schedules = readCrontab('0 3 * * * backup --mode p', 'crontab')
  const keep = () => keepSchedules(schedules, { ...stack.queues, timeZone: 'Asia/Kolkata' })
  const nextMs = async () =>
    (await stack.queues.runs.bull.getJobSchedulers()).find(({ key }) => key.startsWith('backup'))?.next
  await keep()
  const before = await nextMs()
  expect(new Date(before!).toISOString()).toMatch(/T21:30:00/)
  for (const _ of [1, 2]) await keep()
  expect(await nextMs()).toBe(before)
  const delayed = await stack.queues.runs.bull.getDelayed()
  expect(delayed.filter(({ name }) => name.startsWith('scheduled'))).toHaveLength(1)
})
