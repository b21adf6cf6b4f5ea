import { expect, onTestFinished, test } from 'vitest'
import { connectTo, startRedis } from '../../support/redis-server.ts'
import { startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

test('a schedule that Redis has lost is written anew, and what is asked for afterwards runs', async () => {
  const schedules = [
    { what: 'backup', line: 1, cron: '0 0 1 1 *', mode: 'p', full: false },
    { what: 'sweep', line: 2, cron: '0 0 1 1 *' },
  ] as const
  const server = await startRedis()
  onTestFinished(() => server.close())
  const stack = await startStack({ connect: (prefix) => connectTo(server.address, prefix) }, { schedules })
  const readIds = async () => {
    const found = [
      ...(await stack.queues.runs.bull.getJobSchedulers()),
      ...(await stack.queues.sweeps.bull.getJobSchedulers()),
    ]
    return found.map((scheduler) => scheduler?.key).sort()
  }
  const before = await readIds()
  expect(before).toHaveLength(3)

  await server.stop()
  await server.start({ empty: true })

  await waitFor('the schedule to be back', async () => (await readIds()).length === before.length)
  expect(await readIds()).toEqual(before)
  await waitFor('a word about it', () => stack.logs.text().includes('Redis had lost the schedule'))
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 1 })
})
