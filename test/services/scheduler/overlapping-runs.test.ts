import { describe, expect, test } from 'vitest'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'

const redis = useRedis()
expectNoLeaks()

test('a run backs up every project and every loose task, and a second run finds all of them unchanged', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 5, looseTasks: 3 }) })
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 8, done: 8, failed: 0 })
  expect(await stack.archives()).toHaveLength(8)
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 8, done: 0, skipped: 8 })
  expect(stack.simulator.stats.exports).toHaveLength(8)
})

describe('two runs at the same time', () => {
  test('export each entity once, and both end with it counted as done', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 12, looseTasks: 4 }) })
    stack.simulator.exports.pause()
    const first = await stack.request()
    await waitFor('the first run to be listed', async () => (await stack.ledger.read(first))?.state === 'waiting')
    const second = await stack.request()
    await waitFor('the second run to be listed', async () => (await stack.ledger.read(second))?.state === 'waiting')
    stack.simulator.exports.resume()
    for (const run of [first, second]) {
      expect(await stack.ended(run)).toMatchObject({ ok: true, total: 16, done: 16, failed: 0, skipped: 0 })
    }
    expect(stack.simulator.stats.exports).toHaveLength(16)
    expect(await stack.archives()).toHaveLength(16)
    for (const { series } of await stack.archives().then((all) => all.map(({ record }) => record))) {
      expect(await stack.claims.read(`${series.entity.type}-${series.entity.id}.backup`)).toBeUndefined()
    }
  })

  test("of different modes do not get in each other's way", async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 4, looseTasks: 2 }) })
    const runs = await Promise.all((['p', 'a', 't'] as const).map((mode) => stack.request({ mode })))
    const summaries = await Promise.all(runs.map((run) => stack.ended(run)))
    expect(summaries.map(({ failed, total }) => [failed, total])).toEqual([
      [0, 6],
      [0, 6],
      [0, 6],
    ])
    // Loose tasks are wanted as backups by modes p and t alike: one archive serves both.
    const loose = stack.simulator.stats.exports.filter(({ entity, kind }) => kind === 'backup' && entity.id > 4)
    expect(loose.filter(({ entity }) => entity.type === 'task')).toHaveLength(2)
    expect(await stack.archives()).toHaveLength(6 + 6 + 4)
  })

  test('that fail both say so', async () => {
    const stack = await startStack(redis, { world: smallWorld({ projects: 2 }) })
    const message = "rest_framework.exceptions.ValidationError: [ErrorDetail(string='Such a project does not exist')]"
    stack.simulator.faults.addExport({ entity: { type: 'project', id: 1 }, fate: { kind: 'fail', message } })
    stack.simulator.exports.pause()
    const runs = [await stack.request(), await stack.request()]
    for (const run of runs) {
      await waitFor('the run to be listed', async () => (await stack.ledger.read(run))?.state === 'waiting')
    }
    stack.simulator.exports.resume()
    for (const run of runs) {
      expect(await stack.ended(run)).toMatchObject({
        ok: false,
        done: 1,
        failed: 1,
        failures: [{ series: 'project-1.backup', name: 'project 1', code: 'not-found' }],
      })
    }
  })
})
