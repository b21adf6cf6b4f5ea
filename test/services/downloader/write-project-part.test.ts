import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeProjectPart } from '#services/downloader/write-project-part.ts'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import {
  describeFile,
  fixture,
  fixtures,
  listMembers,
  listWithPython,
  readTextMember,
  testWithUnzip,
  writeOut,
} from '../../shared/composition/composed-files.ts'
import { faultOf, noAbort, openTestClient } from '../../shared/cvat/test-client.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { World } from '../../simulator/world.ts'
import { COMPOSED_PROJECT, composedAnswer, serveComposedApi } from '../../support/serve-composed-api.ts'
import { readExport } from '../../support/simulated-export.ts'

const cvatsOwn = join(fixtures, 'kinds/composed_project_cvats_own.zip')

async function emptyFile(): Promise<string> {
  const path = join(await makeTemporaryFolder(), 'project-part.zip')
  await writeFile(path, '')
  return path
}

describe('a project part made of the answers of a real CVAT', () => {
  test('and the tasks’ own archives are CVAT’s own project archive, member by member', async () => {
    await using server = await serveComposedApi()
    await using client = openTestClient(server.url)
    const path = await emptyFile()
    const cvat = client.cvat.descriptions
    const part = await writeProjectPart(COMPOSED_PROJECT, { cvat, path, signal: noAbort() })
    expect(part).toMatchObject({ warnings: [], updatedDate: '2026-11-22T21:39:24.848294Z' })
    const own = ['composed_task_0', 'composed_task_1', 'composed_task_2', 'composed_task_3_video']
    const tasks = await Promise.all(own.map((name) => fixture(`kinds/${name}.zip`)))
    const plan = {
      parts: [
        planFolder(await describeFile(path), '', ''),
        ...tasks.map((task, place) => planFolder(task, '', `task_${place}/`)),
      ],
    }
    const composed = await writeOut(await openComposedArchive(plan))
    expect(await listWithPython(composed)).toEqual(await listWithPython(cvatsOwn))
    expect((await readFile(composed)).length).toBe((await readFile(cvatsOwn)).length)
    await testWithUnzip(composed)
  })

  test('is by itself a sound archive of a project, and costs four requests and one a picture', async () => {
    await using server = await serveComposedApi()
    await using client = openTestClient(server.url)
    const path = await emptyFile()
    const options = { cvat: client.cvat.descriptions, path, signal: noAbort() }
    const part = await writeProjectPart(COMPOSED_PROJECT, options)
    const inspection = await inspectArchive(path, { entityType: 'project', content: { kind: 'backup' } })
    expect(inspection).toMatchObject({ level: 'complete', problems: [], sha256: part.sha256 })
    await testWithUnzip(path)
    expect(server.seen.map((request) => request.path.replace(/[^/]{36}$/, 'UUID'))).toEqual([
      ...['/api/projects/31', '/api/labels', '/api/guides/9', '/api/projects/31'],
      ...['/api/assets/UUID', '/api/assets/UUID'],
    ])
  })

  test('has the same bytes each time, and takes pictures that it had before from there', async () => {
    await using server = await serveComposedApi()
    await using client = openTestClient(server.url)
    const [path, again] = [await emptyFile(), await emptyFile()]
    const cvat = client.cvat.descriptions
    const part = await writeProjectPart(COMPOSED_PROJECT, { cvat, path, signal: noAbort() })
    const { guide } = JSON.parse(JSON.stringify(part)) as typeof part
    const before = server.seen.length
    const previous = { archivePath: path, guide }
    const second = await writeProjectPart(COMPOSED_PROJECT, { cvat, path: again, previous, signal: noAbort() })
    expect(second).toEqual(part)
    expect((await readFile(again)).equals(await readFile(path))).toBe(true)
    expect(server.seen.slice(before).some((request) => request.path.startsWith('/api/assets'))).toBe(false)
  })

  test('fetches a picture again where the earlier part is gone, damaged or another', async () => {
    await using server = await serveComposedApi()
    await using client = openTestClient(server.url)
    const [path, damaged] = [await emptyFile(), await emptyFile()]
    const cvat = client.cvat.descriptions
    const part = await writeProjectPart(COMPOSED_PROJECT, { cvat, path, signal: noAbort() })
    await copyFile(path, damaged)
    const bytes = await readFile(damaged)
    bytes[60]! ^= 0xff
    await writeFile(damaged, bytes)
    for (const archivePath of [damaged, `${damaged}.gone`, cvatsOwn]) {
      const [again, previous] = [await emptyFile(), { archivePath, guide: part.guide }]
      const second = await writeProjectPart(COMPOSED_PROJECT, { cvat, path: again, previous, signal: noAbort() })
      expect(second.sha256).toBe(part.sha256)
    }
  })

  test('is read again when the project has changed meanwhile, until two readings agree', async () => {
    const project = composedAnswer('project.json') as object
    const dated = (count: number) => ({ ...project, updated_date: `2026-11-22T21:40:${10 + count}.000000Z` })
    await using server = await serveComposedApi({ '/api/projects/31': dated })
    await using client = openTestClient(server.url)
    const path = await emptyFile()
    const part = await writeProjectPart(COMPOSED_PROJECT, {
      cvat: client.cvat.descriptions,
      path,
      signal: noAbort(),
    })
    expect(part.updatedDate).toBe(dated(3).updated_date)
    expect(server.count('/api/labels')).toBe(2)
  })

  test('is given up, for another try, where no two readings agree', async () => {
    const project = composedAnswer('project.json') as object
    const renamed = (count: number) => ({
      ...project,
      name: `${count}`,
      updated_date: `2026-11-22T21:40:${10 + count}Z`,
    })
    await using server = await serveComposedApi({ '/api/projects/31': renamed })
    await using client = openTestClient(server.url)
    const options = { cvat: client.cvat.descriptions, path: await emptyFile(), signal: noAbort() }
    const fault = await faultOf(writeProjectPart(COMPOSED_PROJECT, options))
    expect(fault).toMatchObject({ code: 'changed-meanwhile', retryable: true })
  })
})

describe('a project part of the simulated server', () => {
  async function startTown(fill: (world: World) => void) {
    const world = new World()
    world.addUser({ username: 'admin', password: 'admin-password', isSuperuser: true })
    fill(world)
    const simulator = await startSimulator({ world, capacity: { exportMs: 1 } })
    const cvat = openCvatClient({
      url: simulator.url,
      credentials: { accessToken: world.addAccessToken('admin').value },
      sleep: async () => {},
    })
    return { world, simulator, cvat, [Symbol.asyncDispose]: () => cvat.close().then(() => simulator.close()) }
  }

  async function writePart(cvat: CvatClient, id: number) {
    const path = await emptyFile()
    const part = await writeProjectPart(id, { cvat: cvat.descriptions, path, signal: noAbort() })
    return { ...part, path }
  }

  /** In the order of the directory, which is that of the archives that the part is put into. */
  async function membersOf({ path }: { path: string }) {
    const plan = { parts: [planFolder(await describeFile(path), '', '')] }
    return listMembers(await writeOut(await openComposedArchive(plan)))
  }

  /** Of the server's own export what lies in no task's folder. */
  async function exportedRoot(simulator: Simulator, id: number) {
    const path = await readExport(simulator, { type: 'project', id })
    return { path, members: (await listMembers(path)).filter(({ name }) => !/^task_\d+\//.test(name)) }
  }

  test('equals what the server’s own export has outside tasks, whatever was changed', async () => {
    await using town = await startTown((world) => {
      const { id } = world.addProject({ id: 1, name: 'Kreuzung "é" </x> 人\u2028', labels: ['car', 'Fußgänger'] })
      world.addTask({ projectId: id, name: 't', frames: 2 })
    })
    const { world, simulator, cvat } = town
    const project = { type: 'project', id: 1 } as const
    const guide = world.setGuide(project, '')
    const changes: (() => unknown)[] = [
      () => world.addLabel(project, 'tram'),
      () => world.renameProject(1, 'renamed'),
      () => world.setGuide(project, '# only text, $& and $1'),
      () => {
        const second = world.addAsset(guide.id, 'b.png', Buffer.from('second'))
        world.clock.advance(2_000)
        const first = world.addAsset(guide.id, 'Ünï $& .PNG', Buffer.from('first'))
        world.setGuide(
          project,
          `![](/api/assets/${first.uuid}) ![](/api/assets/${second.uuid}) /api/assets/${first.uuid}`,
        )
      },
      () => world.deleteTask(world.project(1).taskIds[0]!),
      () => world.setGuide(project, 'pictures gone'),
      () => world.deleteGuide(guide.id),
    ]
    for (const change of [() => undefined, ...changes]) {
      change()
      const part = await writePart(cvat, 1)
      expect(await membersOf(part)).toEqual((await exportedRoot(simulator, 1)).members)
    }
  })

  test('has the labels in the order of their ids after one was changed: CVAT has an order of its own then', async () => {
    await using town = await startTown((world) => void world.addProject({ id: 1, name: 'p', labels: ['a', 'b', 'c'] }))
    const { world, simulator, cvat } = town
    world.changeLabel(world.project(1).labelIds[0]!, { name: 'first', color: '#000000' })
    const [made, own] = [await writePart(cvat, 1), await exportedRoot(simulator, 1)]
    const [a, b] = await Promise.all(
      [made.path, own.path].map(async (path) => JSON.parse(await readTextMember(path, 'project.json'))),
    )
    expect(a.labels.map(({ name }: { name: string }) => name)).toEqual(['first', 'b', 'c'])
    expect(b.labels.map(({ name }: { name: string }) => name)).toEqual(['b', 'c', 'first'])
    expect({ ...a, labels: new Set(a.labels) }).toEqual({ ...b, labels: new Set(b.labels) })
  })

  test('keeps two pictures of one name apart, which CVAT’s own archive does not', async () => {
    await using town = await startTown((world) => void world.addProject({ id: 1, name: 'p' }))
    const { world, cvat } = town
    const guide = world.setGuide({ type: 'project', id: 1 }, '')
    const pictures = ['one', 'two'].map((text) => world.addAsset(guide.id, 'pic.png', Buffer.from(text)))
    const show = (chosen: typeof pictures) => chosen.map(({ uuid }) => `![](/api/assets/${uuid})`).join(' ')
    world.setGuide({ type: 'project', id: 1 }, show(pictures))
    const part = await writePart(cvat, 1)
    expect(await readTextMember(part.path, 'annotation_guide.md')).toBe('![](assets/pic.png) ![](assets/pic-2.png)')
    expect(await readTextMember(part.path, 'assets/pic-2.png')).toBe('two')
    world.setGuide({ type: 'project', id: 1 }, show(pictures.slice(1)))
    const path = await emptyFile()
    const previous = { archivePath: part.path, guide: part.guide }
    await writeProjectPart(1, { cvat: cvat.descriptions, path, previous, signal: noAbort() })
    expect(await readTextMember(path, 'assets/pic.png')).toBe('two')
  })

  test('names a picture that is gone, and leaves its reference as CVAT does', async () => {
    await using town = await startTown((world) => void world.addProject({ id: 1, name: 'p' }))
    const { world, simulator, cvat } = town
    const guide = world.setGuide({ type: 'project', id: 1 }, '')
    const picture = world.addAsset(guide.id, 'pic.png', Buffer.from('one'))
    world.setGuide({ type: 'project', id: 1 }, `![](/api/assets/${picture.uuid})`)
    world.assets.delete(picture.uuid)
    const part = await writePart(cvat, 1)
    expect(part.warnings).toMatchObject([{ code: 'guide-asset-gone', message: expect.stringContaining(picture.uuid) }])
    expect(await membersOf(part)).toEqual((await exportedRoot(simulator, 1)).members)
  })

  test('goes round again where a picture went because the guide has just changed', async () => {
    await using town = await startTown((world) => void world.addProject({ id: 1, name: 'p' }))
    const { world, simulator, cvat } = town
    const guide = world.setGuide({ type: 'project', id: 1 }, '')
    const picture = world.addAsset(guide.id, 'pic.png', Buffer.from('one'))
    world.setGuide({ type: 'project', id: 1 }, `![](/api/assets/${picture.uuid})`)
    simulator.faults.add({
      ...{ method: 'GET', route: '/api/assets/{uuid}', times: 1 },
      fault: { kind: 'run', action: () => void world.setGuide({ type: 'project', id: 1 }, 'without') },
    })
    const part = await writePart(cvat, 1)
    expect(part).toMatchObject({ warnings: [], guide: { assets: [] } })
    expect(await readTextMember(part.path, 'annotation_guide.md')).toBe('without')
  })

  test('fetches a picture again whose transfer broke off', async () => {
    await using town = await startTown((world) => void world.addProject({ id: 1, name: 'p' }))
    const { world, simulator, cvat } = town
    const guide = world.setGuide({ type: 'project', id: 1 }, '')
    const picture = world.addAsset(guide.id, 'pic.png', Buffer.alloc(100_000, 'x'))
    world.setGuide({ type: 'project', id: 1 }, `![](/api/assets/${picture.uuid})`)
    const broken = {
      method: 'GET',
      route: '/api/assets/{uuid}',
      fault: { kind: 'cut', afterBytes: 50_000, framing: 'content-length' },
    } as const
    simulator.faults.add({ ...broken, times: 2 })
    expect(await membersOf(await writePart(cvat, 1))).toEqual((await exportedRoot(simulator, 1)).members)
    simulator.faults.add({ ...broken, times: 3 })
    const fault = await writePart(cvat, 1).catch((error) => error)
    expect(fault).toBeInstanceOf(BackupError)
    expect(fault).toMatchObject({ code: 'download-interrupted', retryable: true })
  })

  test('of a project that has gone is a fault with a name', async () => {
    await using town = await startTown(() => {})
    expect(await faultOf(writePart(town.cvat, 77))).toMatchObject({ code: 'not-found' })
  })
})
