import { copyFile, mkdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EntityRef } from '#shared/model/entity.ts'
import { isGood } from '#shared/store/record.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import type { World } from '../simulator/world.ts'
import { emptyWorld, smallWorld } from '../support/small-world.ts'
import { type Adopting, readTree, startAdopting } from './adopt-fixture.ts'

const project = (id: number): EntityRef => ({ type: 'project', id })
const task = (id: number): EntityRef => ({ type: 'task', id })

/** A server that has the project of the real archives. */
function alphaWorld(): World {
  const world = emptyWorld()
  const createdDate = '2026-11-22T20:31:09.655479Z'
  world.addProject({ id: 1, name: 'alpha', createdDate, updatedDate: '2026-11-22T20:31:15.792794Z' })
  world.addTask({ id: 1, projectId: 1, name: 'alpha task 0', frames: 4, createdDate })
  return world
}

const alphaBackup = 'project_alpha_backup_2026_11_22_20_31_15.zip'
const alphaAnnotations = 'project_1_annotations_2026_11_22_20_31_15_cvat for images 1.1.zip'

describe('adopting what the original left', () => {
  test('gives a backup its place, byte by byte, with a record that says where it is from', async () => {
    const adopting = await startAdopting(alphaWorld())
    await adopting.place('project_backup.zip', alphaBackup)
    const before = (await adopting.listFiles()).get(join(adopting.directory, alphaBackup))
    const startedAt = new Date().toISOString()
    const { totals } = await adopting.adopt()
    expect(totals).toMatchObject({ adopted: 1, unclear: 0, damaged: 0, failed: 0, foreign: 0 })
    const [archive] = await adopting.archives()
    const files = await adopting.listFiles()
    expect(files.get(archive!.archivePath)).toEqual(before)
    expect([...files.keys()].sort()).toEqual([archive!.recordPath, archive!.archivePath].sort())
    expect(archive!.record).toMatchObject({
      series: { entity: project(1), content: { kind: 'backup' } },
      server: { url: adopting.simulator.url, version: null },
      observation: { name: 'alpha', organization: null, updatedDate: '2026-11-22T20:31:15Z', tasks: [] },
      createdAt: '2026-11-22T20:31:15.000Z',
      members: { perTask: [{ position: 0, name: 'alpha task 0', frames: 4 }] },
      origin: { adoptedFrom: alphaBackup },
    })
    expect(isGood(archive!.record)).toBe(true)
    expect(archive!.record.verification.warnings.map(({ code }) => code)).toContain('adopted')
    expect(archive!.record.origin.adoptedAt! >= startedAt).toBe(true)
  })

  test.each([
    { id: 1, name: 'plain' },
    { id: 2, name: 'Müller & Söhne: Straße' },
    { id: 3, name: '写真' },
    { id: 4, name: 'say "hi" \\ bye' },
    { id: 5, name: "it's; fine_backup_2020_01_01_00_00_00.zip" },
    { id: 6, name: 'İstanbul  ﬁrst' },
  ])('finds the project of a file that the original saved: $name', async ({ id, name }) => {
    const world = emptyWorld()
    world.addOrganization({ slug: 'acme', name: 'Acme', owner: 'admin' })
    world.addProject({ id, name, organization: 'acme' })
    world.addTask({ projectId: id, name: 'a task', frames: 2, bytesPerFrame: 100 })
    const adopting = await startAdopting(world)
    const names = [await adopting.download(project(id))]
    names.push(await adopting.download(project(id), 'annotations'), await adopting.download(project(id), 'dataset'))
    expect(names[0]).toMatch(/^project_/)
    const { totals, files } = await adopting.adopt()
    expect([...files.values()]).toMatchObject(names.toSorted().map((file) => ({ file, outcome: 'adopted' })))
    expect(totals.adopted).toBe(3)
    const archives = await adopting.archives()
    expect(archives.map(({ record }) => [record.observation.name, record.observation.organization])).toEqual(
      archives.map(() => [name, 'acme']),
    )
    const contents = archives.map(({ record: { series } }) => series.content)
    expect(contents).toEqual(
      expect.arrayContaining([
        { kind: 'backup' },
        { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false },
        { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: true },
      ]),
    )
  })

  test('takes a name whose slashes somebody replaced when saving it', async () => {
    const world = emptyWorld()
    const createdDate = '2026-11-22T20:31:20.000000Z'
    world.addProject({ id: 4, name: 'Röntgen "A/B" ../x', createdDate, updatedDate: '2026-11-22T20:31:28.123456Z' })
    for (const index of [0, 1]) {
      world.addTask({ projectId: 4, name: `Röntgen "A/B" ../x task ${index}`, frames: 3, createdDate })
    }
    const adopting = await startAdopting(world)
    await adopting.place(
      'project_backup_non_ascii_name.zip',
      'project_röntgen _a_b_ .._x_backup_2026_11_22_20_31_28.zip',
    )
    expect((await adopting.adopt()).totals.adopted).toBe(1)
    expect((await adopting.archives())[0]?.entity).toEqual(project(4))
  })

  test('takes the backup of a task by itself', async () => {
    const world = smallWorld({ looseTasks: 1 })
    const adopting = await startAdopting(world)
    const [loose] = [...world.tasks.values()].filter(({ projectId }) => projectId === null)
    await adopting.download(task(loose!.id))
    await adopting.download(task(loose!.id), 'annotations')
    expect((await adopting.adopt()).totals).toMatchObject({ adopted: 2, unclear: 0 })
    expect((await adopting.archives()).map(({ entity }) => entity)).toEqual([task(loose!.id), task(loose!.id)])
  })

  test('keeps the states of one project in their order', async () => {
    const world = smallWorld()
    const adopting = await startAdopting(world)
    const names: string[] = []
    for (let day = 0; day < 3; day++) {
      names.push(await adopting.download(project(1)))
      world.clock.advance(24 * 3600_000)
      world.annotate(1)
    }
    expect((await adopting.adopt()).totals.adopted).toBe(3)
    const archives = await adopting.archives()
    expect(archives.map(({ record }) => record.origin.adoptedFrom)).toEqual(names.toReversed())
  })

  test('asks the server little, however many files an entity has', async () => {
    const world = smallWorld()
    const adopting = await startAdopting(world)
    for (let day = 0; day < 10; day++) {
      await adopting.download(project(1))
      world.clock.advance(24 * 3600_000)
      world.annotate(1)
    }
    const before = adopting.simulator.stats.requestCount()
    expect((await adopting.adopt()).totals.adopted).toBe(10)
    expect(adopting.simulator.stats.requestCount() - before).toBeLessThan(8)
  })
})

describe('telling whose an archive is', () => {
  test('takes the one of two projects of a name that has not changed since', async () => {
    const world = emptyWorld()
    for (const id of [3, 9]) {
      world.addProject({ id, name: 'twin' })
      world.addTask({ projectId: id, name: 'same', frames: 2 })
      world.clock.advance(60_000)
    }
    const adopting = await startAdopting(world)
    await adopting.download(project(3))
    await adopting.download(project(9))
    expect((await adopting.adopt()).totals.adopted).toBe(2)
    expect((await adopting.archives()).map(({ entity }) => entity.id).sort()).toEqual([3, 9])
  })

  test('takes the one that shares tasks with the archive when both have changed', async () => {
    const world = emptyWorld()
    for (const id of [3, 9]) {
      world.addProject({ id, name: 'twin' })
      world.addTask({ id, projectId: id, name: `of ${id}`, frames: 2 })
    }
    const adopting = await startAdopting(world)
    await adopting.download(project(9))
    world.clock.advance(60_000)
    for (const id of [3, 9]) world.annotate(id)
    const { files } = await adopting.adopt()
    expect([...files.values()]).toMatchObject([{ outcome: 'adopted', entity: 'project-9' }])
  })

  test('leaves the file alone where two projects fit alike', async () => {
    const world = emptyWorld()
    for (const id of [3, 9]) {
      world.addProject({ id, name: 'twin' })
      world.addTask({ id, projectId: id, name: 'same', frames: 2 })
    }
    const adopting = await startAdopting(world)
    await adopting.download(project(9))
    world.clock.advance(60_000)
    for (const id of [3, 9]) world.annotate(id)
    await expectLeftAlone(adopting, /fits 3, 9 alike/)
  })

  test.each<[string, (world: World) => void, RegExp]>([
    ['was deleted', (world) => world.deleteProject(1), /no project on the server is called "project 1"/],
    ['was renamed', (world) => world.renameProject(1, 'other'), /no project on the server is called/],
    [
      'was deleted and made anew under its name',
      (world) => {
        world.deleteProject(1)
        world.clock.advance(60_000)
        world.addProject({ name: 'project 1' })
      },
      /is younger, or has not changed since before/,
    ],
    [
      'has none of the tasks of then',
      (world) => {
        world.clock.advance(60_000)
        world.renameTask(1, 'another')
      },
      /none of its tasks is in 1/,
    ],
  ])('leaves the backup of a project alone that %s', async (_, change, reason) => {
    const world = smallWorld()
    const adopting = await startAdopting(world)
    await adopting.download(project(1))
    change(world)
    await expectLeftAlone(adopting, reason)
  })

  test('leaves a backup alone whose name was made up', async () => {
    const adopting = await startAdopting(alphaWorld())
    await adopting.place('project_backup.zip', 'project_beta_backup_2026_11_22_20_31_15.zip')
    await expectLeftAlone(adopting, /is named for another project than the one in it, "alpha"/)
  })

  test('knows annotations by the id and the date of birth in them, whatever the project is called now', async () => {
    const world = alphaWorld()
    world.renameProject(1, 'renamed')
    const adopting = await startAdopting(world)
    await adopting.place('project_annotations_cvat_for_images.zip', alphaAnnotations)
    expect((await adopting.adopt()).totals.adopted).toBe(1)
    expect((await adopting.archives())[0]?.record).toMatchObject({
      series: {
        entity: project(1),
        content: { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false },
      },
      observation: { name: 'renamed' },
    })
  })

  test.each<[string, () => World, string, RegExp]>([
    ['of a deleted project', () => emptyWorld(), alphaAnnotations, /the server has no project 1/],
    [
      'of another server',
      () => {
        const world = emptyWorld()
        world.addProject({ id: 1, name: 'alpha', createdDate: '2026-11-22T20:31:09.655478Z' })
        return world
      },
      alphaAnnotations,
      /is of another server/,
    ],
    [
      'from before the project',
      () => {
        const world = emptyWorld()
        world.addProject({ id: 1, name: 'alpha', createdDate: '2026-11-22T20:31:16.000001Z' })
        return world
      },
      alphaAnnotations,
      /was created after this/,
    ],
    ['under another id', () => smallWorld({ projects: 2 }), alphaAnnotations.replace('1', '2'), /created after|id 1/],
    [
      'in a format that the server does not have',
      alphaWorld,
      alphaAnnotations.replace('cvat for images', 'cvat for smells'),
      /no export format/,
    ],
  ])('leaves annotations alone: %s', async (_, makeWorld, fileName, reason) => {
    const adopting = await startAdopting(makeWorld())
    await adopting.place('project_annotations_cvat_for_images.zip', fileName)
    await expectLeftAlone(adopting, reason)
  })

  test('passes over files of other names, folders, and what only looks like a file', async () => {
    const adopting = await startAdopting(alphaWorld())
    const { directory } = adopting
    await writeFile(join(directory, 'notes.txt'), 'mine')
    await adopting.place('project_backup.zip', 'my own.zip')
    await mkdir(join(directory, 'project_a_backup_2026_01_01_00_00_00.zip'))
    await adopting.place('project_backup.zip', 'project_alpha_backup_2026_13_01_00_00_00.zip')
    await symlink(join(directory, 'my own.zip'), join(directory, alphaBackup))
    const before = await adopting.listFiles()
    const { totals, files } = await adopting.adopt()
    expect(totals).toMatchObject({ adopted: 0, foreign: 3, unclear: 1 })
    expect(files.get(alphaBackup)).toMatchObject({ reason: 'is no plain file' })
    expect(await adopting.listFiles()).toEqual(before)
  })
})

describe('a file that is not sound', () => {
  test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
    ['ends early, as a broken download', (path) => truncate(path, 9000), /ends early/],
    ['is empty', (path) => truncate(path, 0), /no zip/],
    ['has another bit somewhere', (path) => flipByte(path, 3000), /CRC-32/],
    ['lacks media', (path) => copyIncomplete(path), /no media/],
  ])('is named and left alone when it %s', async (_, damage, reason) => {
    const adopting = await startAdopting(alphaWorld())
    await adopting.place('project_backup.zip', alphaBackup)
    await damage(join(adopting.directory, alphaBackup))
    const before = await adopting.listFiles()
    const { totals, files } = await adopting.adopt()
    expect(totals).toMatchObject({ adopted: 0, damaged: 1 })
    expect(files.get(alphaBackup)).toMatchObject({ outcome: 'damaged', reason: expect.stringMatching(reason) })
    expect(await adopting.listFiles()).toEqual(before)
  })

  test('stops no other', async () => {
    const adopting = await startAdopting(smallWorld({ projects: 3 }))
    for (const id of [1, 2, 3]) await adopting.download(project(id))
    const [, second] = [...(await adopting.listFiles()).keys()].sort()
    await truncate(second!, 100)
    expect((await adopting.adopt()).totals).toMatchObject({ adopted: 2, damaged: 1 })
  })
})

test('a file that cannot be stored is named, and the others are adopted', async () => {
  const adopting = await startAdopting(smallWorld({ projects: 3 }))
  const names: string[] = []
  for (const id of [1, 2, 3]) names.push(await adopting.download(project(id)))
  await writeFile(join(adopting.directory, 'project-2'), 'a file where the folder should be')
  const { totals, files } = await adopting.adopt()
  expect(totals).toMatchObject({ adopted: 2, failed: 1, foreign: 1 })
  expect(files.get(names[1]!)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('ENOTDIR') })
  expect([...(await adopting.listFiles()).keys()]).toContain(join(adopting.directory, names[1]!))
})

describe('a second run', () => {
  test('finds nothing to do, and adopts what came meanwhile', async () => {
    const world = smallWorld({ projects: 2 })
    const adopting = await startAdopting(world)
    await adopting.download(project(1))
    await adopting.adopt()
    const files = await adopting.listFiles()
    expect((await adopting.adopt()).totals).toMatchObject({ adopted: 0, already: 0 })
    expect(await adopting.listFiles()).toEqual(files)
    await adopting.download(project(2))
    expect((await adopting.adopt()).totals.adopted).toBe(1)
    expect(await adopting.archives()).toHaveLength(2)
  })

  test('leaves a file alone whose bytes were adopted before', async () => {
    const adopting = await startAdopting(alphaWorld())
    await adopting.place('project_backup.zip', alphaBackup)
    await adopting.adopt()
    await adopting.place('project_backup.zip', alphaBackup)
    await adopting.place('project_backup.zip', 'project_ALPHA_backup_2026_11_22_20_31_15.zip')
    const { totals } = await adopting.adopt()
    expect(totals).toMatchObject({ adopted: 0, already: 2 })
    expect(await adopting.archives()).toHaveLength(1)
    expect([...(await adopting.listFiles()).keys()]).toHaveLength(4)
  })

  test('of copying copies nothing twice, and the folder is as it was', async () => {
    const adopting = await startAdopting(smallWorld({ projects: 2 }))
    const folder = await makeTemporaryFolder()
    for (const id of [1, 2]) await adopting.download(project(id), 'backup', folder)
    const before = await readTree(folder)
    expect((await adopting.adopt({ folder, copy: true })).totals).toMatchObject({ adopted: 2 })
    const stored = await adopting.listFiles()
    expect((await adopting.adopt({ folder, copy: true })).totals).toMatchObject({ adopted: 0, already: 2 })
    expect(await adopting.listFiles()).toEqual(stored)
    expect(await readTree(folder)).toEqual(before)
    const archives = await adopting.archives()
    const contents = await Promise.all(archives.map(({ archivePath }) => stored.get(archivePath)))
    expect(contents).toEqual(expect.arrayContaining([...before.values()]))
  })
})

test('believes no modification time', async () => {
  const adopting = await startAdopting(alphaWorld())
  await adopting.place('project_backup.zip', alphaBackup)
  await utimes(join(adopting.directory, alphaBackup), new Date(0), new Date('1899-01-01'))
  expect((await adopting.adopt()).totals.adopted).toBe(1)
  expect((await adopting.archives())[0]?.record.createdAt).toBe('2026-11-22T20:31:15.000Z')
})

test('a dry run tells the same and changes nothing', async () => {
  const adopting = await startAdopting(smallWorld({ projects: 2 }))
  for (const id of [1, 2]) await adopting.download(project(id))
  const before = await adopting.listFiles()
  const dry = await adopting.adopt({ dryRun: true })
  expect(await adopting.listFiles()).toEqual(before)
  const { totals, files } = await adopting.adopt()
  expect(dry.totals).toEqual(totals)
  expect([...dry.files.keys()]).toEqual([...files.keys()])
})

async function expectLeftAlone(adopting: Adopting, reason: RegExp): Promise<void> {
  const before = await adopting.listFiles()
  const { totals, files } = await adopting.adopt()
  expect([...files.values()]).toMatchObject([{ outcome: 'unclear', reason: expect.stringMatching(reason) }])
  expect(totals).toMatchObject({ adopted: 0, unclear: 1, damaged: 0, failed: 0 })
  expect(await adopting.listFiles()).toEqual(before)
}

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = bytes[at]! ^ 1
  await writeFile(path, bytes)
}

async function copyIncomplete(path: string): Promise<void> {
  const fixture = 'project_backup_incomplete_task_0_has_no_data.zip'
  await copyFile(join(import.meta.dirname, '../fixtures/archives', fixture), path)
}
