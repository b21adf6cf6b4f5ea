// Every archive that a real CVAT made, restored and backed up again: the same members, but for what CVAT itself loses.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ReadMember, readMembers } from '../../contracts/zip-shape.ts'
import { buildZip } from '../../shared/store/build-zip.ts'
import { fetchBackup } from '../raw-client.ts'
import { startSimulator } from '../simulator.ts'
import { createWorld } from '../test-world.ts'
import { restore } from './upload-client.ts'
import { refusedWithStaticCache, type Verdict, verdicts } from './verdicts.ts'

const folder = new URL('../../fixtures/archives/', import.meta.url)
const names = ['', 'kinds/'].flatMap((place) =>
  readdirSync(new URL(place, folder)).flatMap((file) => (file.endsWith('.zip') ? [place + file.slice(0, -4)] : [])),
)

describe('an archive of a real CVAT', () => {
  it.each(names)('%s comes back with all that CVAT restores', async (name) => {
    await expectVerdict(name, verdicts[name] ?? {})
  })

  it.each(names.filter((name) => name.startsWith('kinds/static_')))(
    '%s is refused by a server with a static cache where CVAT refuses it',
    async (name) => {
      await expectVerdict(name, refusedWithStaticCache[name] ?? verdicts[name] ?? {}, true)
    },
  )

  it('is there for each line of the table', () => {
    const named = [...Object.keys(verdicts), ...Object.keys(refusedWithStaticCache)]
    expect(named.filter((name) => !names.includes(name))).toEqual([])
    expect(names.length).toBe(73)
  })
})

describe('an archive of the simulator', () => {
  it('comes back as well: pictures, video, jobs, ground truth, guide, deleted frames, an organization', async () => {
    const world = createWorld()
    world.addOrganization({ slug: 'acme' })
    const project = world.addProject({ name: 'all of it “ü”', labels: ['car', 'Fußgänger'], organization: 'acme' })
    const guide = world.setGuide({ type: 'project', id: project.id }, '')
    const picture = world.addAsset(guide.id, 'plan b.png', Buffer.from('picture'))
    world.setGuide({ type: 'project', id: project.id }, `see ![a](/api/assets/${picture.uuid})`)
    const first = world.addTask({ projectId: project.id, name: 'a', frames: 7, jobs: 3, subset: 'Train' })
    world.addTask({ projectId: project.id, name: 'no data', hasData: false })
    world.addTask({ projectId: project.id, name: 'video', frames: 20, mode: 'interpolation' })
    world.deleteFrame(first.id, 2)
    world.addGroundTruthJob(first.id, [1, 5])
    await using source = await startSimulator({ world, capacity: { basicCostMs: 0, exportMs: 1 } })
    const archive = (await fetchBackup(source, { type: 'project', id: project.id })).body
    await using target = await startSimulator({ world: createWorld(), capacity: { basicCostMs: 0, exportMs: 1 } })
    const { result_id: id } = await restore(target, 'project', archive)
    const again = await readMembers((await fetchBackup(target, { type: 'project', id: id ?? 0 })).body)
    const before = await readMembers(archive)
    // The task without data is not in the archive, and the one after it moves up.
    const names = before.map(({ shape }) => shape.name.replace('task_2/', 'task_1/'))
    expect(again.map(({ shape }) => shape.name)).toEqual(names)
    expect(again.map(({ crc }, index) => [names[index], crc])).toEqual(
      before.map(({ crc }, index) => [names[index], crc]),
    )
  })

  it('that names a frame without its picture has a frame less', async () => {
    const members = await readMembers(readFileSync(new URL('kinds/img_natural_cache.zip', folder)))
    const kept = members.filter(({ shape }) => shape.name !== 'data/f2.png')
    expect(kept.length).toBe(members.length - 1)
    const archive = buildZip(kept.map(({ shape, content }) => ({ name: shape.name, data: content })))
    await using simulator = await startSimulator({ world: createWorld(), capacity: { basicCostMs: 0 } })
    const { result_id: id } = await restore(simulator, 'task', archive)
    expect(simulator.world.task(id ?? 0).data?.frames).toBe(3)
  })
})

async function expectVerdict(name: string, verdict: Verdict, allowStaticCache = false): Promise<void> {
  const archive = readFileSync(new URL(`${name}.zip`, folder))
  const before = await readMembers(archive)
  const target = before.some(({ shape }) => shape.name === 'project.json') ? 'project' : 'task'
  const capacity = { basicCostMs: 0, exportMs: 1, importMs: 1, allowStaticCache }
  await using simulator = await startSimulator({ world: createWorld(), capacity })
  const { message, result_id: id } = await restore(simulator, target, archive)
  expect(message).toBe(verdict.fails ?? '')
  if (id === null) {
    expect([simulator.world.projects.size, simulator.world.tasks.size, simulator.world.labels.size]).toEqual([0, 0, 0])
    return
  }
  const { body } = await fetchBackup(simulator, { type: target, id })
  const after = await readMembers(body)
  const lost = before.map(({ shape }) => shape.name)
  for (const { shape } of after) lost.splice(lost.indexOf(shape.name), 1)
  expect(lost).toEqual(verdict.lost ?? [])
  expect(after.map(({ shape }) => shape)).toEqual(keepLast(before, after.length, lost).map(({ shape }) => shape))
  expect(listChanges(keepLast(before, after.length, lost), after)).toEqual(verdict.changed ?? [])
  for (const task of simulator.world.tasks.values()) {
    const stops = simulator.world.jobsOf(task).map(({ stopFrame }) => stopFrame)
    expect(task.data?.frames).toBe(Math.max(...stops) + 1)
  }
  expect(simulator.stats.errors).toEqual([])
}

/** Without what was lost: of two members of one name, it is the first that goes. */
function keepLast(members: readonly ReadMember[], count: number, lost: readonly string[]): ReadMember[] {
  const kept = [...members]
  for (const name of lost)
    kept.splice(
      kept.findIndex(({ shape }) => shape.name === name),
      1,
    )
  expect(kept.length).toBe(count)
  return kept
}

/** Members by their CRC; where one differs and is JSON, the values that do. */
function listChanges(before: readonly ReadMember[], after: readonly ReadMember[]): string[] {
  return before.flatMap((member, index) => {
    const other = after[index]
    const { name } = member.shape
    if (other?.crc === member.crc) return []
    if (!name.endsWith('.json')) return [name]
    return comparePaths(JSON.parse(member.content.toString()), JSON.parse(String(other?.content))).map(
      (path) => `${name} ${path}`,
    )
  })
}

function comparePaths(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) {
    return before === after ? [] : [path.join('.')]
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) =>
    comparePaths((before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key], [...path, key]),
  )
}
