// Old and incomplete archives of a simulated server, put together with the tasks' own: as CVAT would have made them.

import { describe, expect, test } from 'vitest'
import { findDamagedFolders } from '#shared/composition/find-damaged-folders.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { planProjectComposition } from '#shared/composition/plan-project-composition.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { listMembers, testWithUnzip, writeOut } from '../shared/composition/composed-files.ts'
import { flipByte } from '../shared/store/damage.ts'
import { expectNoLeaks } from '../support/expect-no-leaks.ts'
import { useRedis } from '../support/redis-server.ts'
import { emptyWorld } from '../support/small-world.ts'
import { type Stack, startStack } from '../support/start-stack.ts'

const redis = useRedis()
expectNoLeaks()

async function startBackedUp() {
  const world = emptyWorld()
  const a = world.addProject({ name: 'A' })
  const b = world.addProject({ name: 'B' })
  const tasks = [2, 3, 4].map((frames) =>
    world.addTask({ projectId: a.id, name: `${frames} frames`, frames, bytesPerFrame: 500, jobs: 2 }),
  )
  const stack = await startStack(redis, { world })
  expect(await stack.backUp()).toMatchObject({ ok: true })
  return { stack, world, a, b, tasks }
}

async function compose(stack: Stack, damagedFolders?: ReadonlySet<string>) {
  const archives = await stack.archives()
  const projects = archives.filter(({ entity }) => entity.type === 'project' && entity.id === 1)
  const newest = projects.toSorted((x, y) => y.record.createdAt.localeCompare(x.record.createdAt))[0]!
  const composition = planProjectComposition(newest, archives, { damagedFolders })
  const path = await writeOut(await openComposedArchive(composition.plan!))
  await testWithUnzip(path)
  const { observation } = newest.record
  const inspection = await inspectArchive(path, { entityType: 'project', content: { kind: 'backup' }, observation })
  return { composition, path, inspection, newest }
}

/** What CVAT makes once the project's date moves by something that is in no archive's tasks. */
async function exportAfresh(stack: Stack, touch: () => void): Promise<string> {
  touch()
  expect(await stack.backUp()).toMatchObject({ ok: true })
  const archives = (await stack.archives()).filter(({ entity }) => entity.type === 'project' && entity.id === 1)
  const newest = archives.toSorted((x, y) => y.record.createdAt.localeCompare(x.record.createdAt))[0]!
  expect(newest.record.verification).toMatchObject({ level: 'fresh', problems: [] })
  return newest.archivePath
}

/** A byte of the content of the first member whose name begins so. */
async function findData(path: string, prefix: string): Promise<number> {
  await using source = await openSourceArchive(path)
  for await (const { name, entry } of source.members(source.folders.get('task_1/'))) {
    if (name.startsWith(prefix)) return entry.relativeOffsetOfLocalHeader + 30 + name.length + 100
  }
  throw new Error(`nothing begins with ${prefix}`)
}

describe('a composed project', () => {
  test('of a stale archive is what CVAT exports once its date has moved, but for project.json', async () => {
    const { stack, world, b, tasks } = await startBackedUp()
    world.deleteFrame(tasks[1]!.id, 2)
    world.moveTask(tasks[0]!.id, b.id)
    expect(await stack.backUp()).toMatchObject({ ok: true })
    const { composition, path, inspection, newest } = await compose(stack)
    expect(newest.record.verification.problems.map(({ code }) => code)).toEqual(['stale', 'stale'])
    expect(composition).toMatchObject({ isWhole: true, dropped: [{ position: 0, name: '2 frames' }] })
    expect(inspection).toMatchObject({ level: 'complete', problems: [] })
    expect(inspection.tasks.map(({ deletedFrames }) => deletedFrames)).toEqual([[2], []])
    const fresh = await exportAfresh(stack, () => world.renameProject(1, 'A, renamed'))
    const withoutProject = async (file: string) =>
      (await listMembers(file)).filter(({ name }) => name !== 'project.json')
    expect(await withoutProject(path)).toEqual(await withoutProject(fresh))
  })

  test('of a damaged archive takes the damaged task from its own archive', async () => {
    const { stack, tasks } = await startBackedUp()
    expect(await stack.backUp({ entities: [{ type: 'task', id: tasks[1]!.id }] })).toMatchObject({ ok: true, done: 1 })
    const before = (await stack.archives()).find(({ entity }) => entity.type === 'project' && entity.id === 1)!
    const members = await listMembers(before.archivePath)
    await flipByte(before.archivePath, await findData(before.archivePath, 'task_1/data/'))
    const damaged = await findDamagedFolders(before.archivePath)
    expect([...damaged]).toEqual(['task_1/'])
    for await (const _ of stack.store.verifyArchives({
      level: 'complete',
      checkedBefore: new Date(Date.now() + 1e9),
      startedAt: new Date(),
      entities: [{ type: 'project', id: 1 }],
      signal: new AbortController().signal,
    })) {
      // Only to have the damage in the record.
    }
    const { composition, path } = await compose(stack, damaged)
    expect(composition.tasks.map(({ from }) => from)).toEqual(['project', 'own', 'project'])
    expect(await listMembers(path)).toEqual(members)
  })
})
