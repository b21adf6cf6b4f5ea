import { expect, onTestFinished, test } from 'vitest'
import { keepSchedules } from '#services/scheduler/keep-schedules.ts'
import { readCrontab } from '#services/scheduler/read-crontab.ts'
import { allQueues } from '#shared/queues/all-queues.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { useRedis } from '../../support/redis-server.ts'

const redis = useRedis()

test("Redis' schedules are those of the file, of every kind, and stop when they are taken out of it", async () => {
  const connection = await redis.connect()
  const runs = openQueue(allQueues.runs, connection)
  const sweeps = openQueue(allQueues.sweeps, connection)
  const verifications = openQueue(allQueues.verifications, connection)
  const drills = openQueue(allQueues.drills, connection)
  const queues = [runs, sweeps, verifications, drills]
  onTestFinished(async () => {
    await Promise.all(queues.map((queue) => queue.close()))
  })
  const keep = (...lines: string[]) =>
    keepSchedules(readCrontab(lines.join('\n'), 'crontab'), {
      ...{ runs, sweeps, verifications, drills },
      timeZone: 'Europe/Berlin',
    })
  const listSchedules = async () => {
    const found = await Promise.all(queues.map(({ bull }) => bull.getJobSchedulers()))
    return found.flat().map(({ key, pattern, tz, template }) => ({ key, pattern, tz, data: template?.data ?? {} }))
  }
  const watch = expect.objectContaining({ key: 'watch-runs' })
  const tz = 'Europe/Berlin'
  const verify = { key: 'verify 30 2 * * *', pattern: '30 2 * * *', tz, data: {} }
  const sweep = { key: 'sweep 0 1 * * *', pattern: '0 1 * * *', tz, data: {} }
  const drill = { key: 'drill 0 4 * * 6', pattern: '0 4 * * 6', tz, data: {} }
  const data = { do: 'start-run', mode: 'p', full: false, trigger: 'schedule' }
  const backup = { key: 'backup p 0 0 * * *', pattern: '0 0 * * *', tz, data }

  await keep('0 0 * * * backup --mode p', '0 1 * * * sweep', '30 2 * * * verify', '0 4 * * 6 drill')
  const all = await listSchedules()
  expect(all).toHaveLength(5)
  expect(all).toEqual(expect.arrayContaining([watch, backup, sweep, verify, drill]))
  // A job that is added by the schedule is one that the handler takes.
  const [job] = await verifications.bull.getDelayed()
  expect(allQueues.verifications.schema.parse(job?.data)).toEqual({})
  expect(job?.opts.attempts).toBe(3)

  await keep('0 0 * * * backup --mode p', '0 1 * * * sweep')
  expect(await listSchedules()).toEqual(expect.arrayContaining([watch, backup, sweep]))
  expect(await verifications.bull.getJobSchedulers()).toEqual([])
  expect(await verifications.bull.getDelayed()).toEqual([])
  expect(await drills.bull.getJobSchedulers()).toEqual([])
})
