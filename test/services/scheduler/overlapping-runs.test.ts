import { expect, test } from 'vitest'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

test('a run backs up every project and every loose task, and a second run finds all of them unchanged', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 5, looseTasks: 3 }) })
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 8, done: 8, failed: 0 })
  expect(await stack.archives()).toHaveLength(8)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 8, done: 0, skipped: 8 })
  expect(stack.simulator.stats.exports).toHaveLength(8)
})
