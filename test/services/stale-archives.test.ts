// Two faults of CVAT that a backup must not inherit, from the first listing to the second run, with all services.

import { expect, test } from 'vitest'
import { isGood } from '#shared/store/record.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

/** Project A with three tasks of different sizes and an empty project B, backed up once: CVAT keeps the file. */
async function startBackedUp() {
  const world = emptyWorld()
  const a = world.addProject({ name: 'A' })
  const b = world.addProject({ name: 'B' })
  const tasks = [2, 3, 4].map((frames) =>
    world.addTask({ projectId: a.id, name: `${frames} frames`, frames, bytesPerFrame: 500, jobs: 2 }),
  )
  const stack = await startStack(redis, { world })
  expect(await stack.backUp()).toMatchObject({ ok: true, done: 2, notes: [] })
  for (const { record } of await stack.archives()) expect(record.verification.level).toBe('fresh')
  stack.simulator.stats.exports.length = 0
  return { stack, world, a, b, tasks: tasks as [(typeof tasks)[0], (typeof tasks)[0], (typeof tasks)[0]] }
}

/** The newest archive's verification, for each entity that has more than one or is new. */
async function newest(stack: Stack, entity: string) {
  const own = (await stack.archives()).filter(({ entity: { type, id } }) => `${type}-${id}` === entity)
  const record = own.toSorted((x, y) => Date.parse(y.record.createdAt) - Date.parse(x.record.createdAt))[0]?.record
  if (!record) throw new Error(`no archive of ${entity}`)
  const { level, problems } = record.verification
  return { level, good: isGood(record), problems: problems.map(({ code, message, taskId }) => [code, taskId, message]) }
}

const exported = (stack: Stack) => stack.simulator.stats.exports.map(({ entity }) => `${entity.type}-${entity.id}`)

async function expectNothingToDo(stack: Stack): Promise<void> {
  stack.simulator.stats.exports.length = 0
  expect(await stack.backUp()).toMatchObject({ ok: true, total: 2, skipped: 2, done: 0, failed: 0 })
  expect(exported(stack)).toEqual([])
}

test('after a frame was deleted the old file is kept and marked, and the task is backed up by itself', async () => {
  const { stack, world, tasks } = await startBackedUp()
  world.deleteFrame(tasks[1].id, 2)
  expect(await stack.backUp()).toMatchObject({
    ok: true,
    total: 3,
    done: 2,
    skipped: 1,
    notes: [{ series: 'project-1.backup', name: 'A', text: 'CVAT served an old file; task 2 is backed up by itself' }],
  })
  expect(exported(stack)).toEqual(['project-1', 'task-2'])
  expect(await newest(stack, 'project-1')).toEqual({
    level: 'complete',
    good: false,
    problems: [['stale', 2, 'Task 2 is an old one: deleted frames none in the archive, 2 on the server']],
  })
  expect(await newest(stack, 'task-2')).toEqual({ level: 'fresh', good: true, problems: [] })
  await expectNothingToDo(stack)
})
