import { expect, test } from 'vitest'
import { chooseFor, listRestorable } from '#shared/restores/list-restorable.ts'
import { buildZip } from '../store/build-zip.ts'
import { observe, planProject, planTask } from '../store/plan-backup.ts'
import { storeFile } from '../store/store-file.ts'
import { openTestStore, project6, serverUrl } from '../store/store-fixture.ts'

const task = (id: number) => ({ type: 'task', id }) as const
const projectBytes = (seed: string) => buildZip(planProject(planTask('task_0/', { name: seed })))
const taskBytes = (seed: string) => buildZip(planTask('', { name: seed }))

async function openFilled() {
  const store = await openTestStore()
  const observation = observe(3)
  const stale = [{ code: 'stale', message: 'Task 101 is in an old state', taskId: 101 }]
  await storeFile(store, {
    entity: project6,
    bytes: projectBytes('old'),
    observation,
    problems: stale,
    createdAt: '2026-11-20T10:00:00.000Z',
  })
  await storeFile(store, {
    entity: task(101),
    bytes: taskBytes('own'),
    observation,
    createdAt: '2026-11-20T11:00:00.000Z',
  })
  await storeFile(store, {
    entity: project6,
    bytes: projectBytes('new'),
    observation,
    createdAt: '2026-11-25T10:00:00.000Z',
  })
  return store
}

test('of a day in the past, a stale archive with own archives of its tasks is found whole, though a good one came later', async () => {
  const store = await openFilled()
  const at = (notAfter?: string) =>
    chooseFor(store, project6, { serverUrl, notAfter: notAfter === undefined ? undefined : new Date(notAfter) })
  expect(await at('2026-11-21T00:00:00Z')).toMatchObject({
    archive: { record: { createdAt: '2026-11-20T10:00:00.000Z' } },
    reason: 'the newest, with own archives of its tasks',
  })
  expect(await at()).toMatchObject({ archive: { record: { createdAt: '2026-11-25T10:00:00.000Z' } } })
  expect((await at('2026-11-20T10:30:00Z'))?.archive).toBeUndefined()
  expect(await at('2026-11-19T00:00:00Z')).toMatchObject({
    archive: undefined,
    reason: expect.stringContaining('no backup from 2026-11-19'),
  })
})

test('everything is each project, and each task that no project has in it', async () => {
  const store = await openFilled()
  await storeFile(store, { entity: task(7), bytes: taskBytes('loose'), observation: observe(3) })
  await storeFile(store, {
    entity: task(8),
    bytes: buildZip([{ name: 'annotations.xml', data: '<annotations/>' }]),
    observation: observe(3),
    content: { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false },
  })
  await storeFile(store, {
    entity: task(9),
    bytes: taskBytes('other'),
    observation: observe(3),
    serverUrl: 'https://b.example',
  })
  const scope = { serverUrl, notAfter: undefined, withDeleted: false }
  const found = await Array.fromAsync(listRestorable(store, scope))
  expect(found.map(({ entity }) => `${entity.type}-${entity.id}`)).toEqual(['project-6', 'task-7'])
})
