import { expect, test } from 'vitest'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

test('of what a run has planned, the project with the most frames is taken first, and a loose task among them', async () => {
  const world = smallWorld({ projects: 0, looseTasks: 0 })
  for (const frames of [4, 400, 40]) {
    const { id } = world.addProject({ name: `${frames} frames`, labels: ['car'] })
    world.addTask({ projectId: id, name: 'task', frames, bytesPerFrame: 100 })
  }
  world.addTask({ projectId: null, name: '150 frames', frames: 150, bytesPerFrame: 100 })
  const stack = await startStack(redis, { world, services: ['scheduler'] })
  const run = await stack.request()
  await waitFor('the run to be listed', async () => (await stack.ledger.read(run))?.state === 'waiting')
  const jobs = await stack.queues.exports.bull.getPrioritized()
  expect(jobs.map(({ name }) => name)).toEqual(['400 frames', '150 frames', '40 frames', '4 frames'])
})
