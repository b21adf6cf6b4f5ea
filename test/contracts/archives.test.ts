// The simulator's archives beside those that a real CVAT made: the same members in the same places, the same JSON inside.

import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { listMembers } from '../simulator/archive-members.ts'
import { planArchive } from '../simulator/archive-plan.ts'
import type { World } from '../simulator/world.ts'
import type { EntityKey } from '../simulator/world-records.ts'
import { layOutZip } from '../simulator/zip-layout.ts'
import { buildRecordedWorld } from './recorded-world.ts'
import { jsonShape, type MemberShape, type ReadMember, readMembers } from './zip-shape.ts'

type Kind = 'backup' | 'dataset' | 'annotations'

interface Case {
  readonly real: string
  readonly entity: EntityKey
  readonly kind?: Kind
  readonly change?: (world: World) => unknown
}

const cases: readonly Case[] = [
  { real: 'project_backup', entity: { type: 'project', id: 1 } },
  { real: 'project_backup_no_tasks', entity: { type: 'project', id: 5 } },
  { real: 'project_backup_non_ascii_name', entity: { type: 'project', id: 2 } },
  {
    real: 'project_backup_incomplete_task_0_has_no_data',
    entity: { type: 'project', id: 10 },
    change: (world) => world.removeMedia(12),
  },
  { real: 'task_backup', entity: { type: 'task', id: 15 }, change: emptyTask15 },
  { real: 'project_annotations_cvat_for_images', entity: { type: 'project', id: 1 }, kind: 'annotations' },
  { real: 'project_dataset_cvat_for_images', entity: { type: 'project', id: 1 }, kind: 'dataset' },
]

/** The real one had no shapes, and its first frame deleted. */
function emptyTask15(world: World): void {
  world.task(15).annotations.shapesPerFrame = 0
  world.deleteFrame(15, 0)
}

describe('an archive of the simulator', () => {
  it.each(cases)('has the members of $real, in its order, stored as there', async (given) => {
    const real = await readReal(given.real)
    expect(groupMedia(await makeMembers(given))).toEqual(groupMedia(real))
  })

  it.each(cases)('has the JSON of $real', async (given) => {
    const real = jsonOf(await readReal(given.real))
    const made = jsonOf(await makeMembers(given))
    expect([...made.keys()]).toEqual([...real.keys()])
    for (const [name, shape] of made) expect([name, shape]).toEqual([name, real.get(name)])
  })

  it('holds what its CRCs claim', async () => {
    for (const given of cases) {
      for (const member of await makeMembers(given)) {
        const crc = crc32(member.content)
        expect([member.crc, member.localCrc]).toEqual([crc, crc])
      }
    }
  })

  it('has the elements and attributes of a real annotations.xml', async () => {
    const given: Case = { real: 'project_annotations_cvat_for_images', entity: { type: 'project', id: 1 } }
    const real = elementsOf(await readReal(given.real))
    real.delete('polygon label source occluded points z_order')
    expect(elementsOf(await makeMembers({ ...given, kind: 'annotations' }))).toEqual(real)
  })

  it('is laid out for a video as a real one, manifest first', async () => {
    const world = buildRecordedWorld()
    const { id } = world.addTask({ name: 'video', projectId: null, mode: 'interpolation', frames: 20 })
    const made = await makeMembers({ real: '', entity: { type: 'task', id } }, world)
    const real = await readReal('kinds/video_cache')
    const names = (members: readonly ReadMember[]) =>
      members.map(({ shape }) => shape.name.replace(/\w+\.mp4/, 'VIDEO'))
    expect(names(made)).toEqual(names(real))
    expect(manifestOf(made)).toEqual(manifestOf(real))
  })

  it('tells of a ground truth job as a real one', async () => {
    const world = buildRecordedWorld()
    world.addGroundTruthJob(8, [1, 2])
    const made = jsonOf(await makeMembers({ real: '', entity: { type: 'task', id: 8 } }, world))
    const real = jsonOf(await readReal('kinds/gt_job_added_later_disabled_frame'))
    const jobs = (members: ReadonlyMap<string, unknown>) => (members.get('task.json') as [string, unknown][]).at(-1)
    expect(jobs(made)).toEqual(jobs(real))
  })

  it('puts the guide and its pictures before project.json, as a real one', async () => {
    const world = buildRecordedWorld()
    const guide = world.setGuide({ type: 'project', id: 5 }, '')
    const picture = world.addAsset(guide.id, 'öä.png', Buffer.from('picture'))
    world.setGuide({ type: 'project', id: 5 }, `see ![a](/api/assets/${picture.uuid})`)
    const made = await makeMembers({ real: '', entity: { type: 'project', id: 5 } }, world)
    const real = (await readReal('kinds/composed_project_cvats_own')).slice(1, 4)
    expect(made.map(({ shape }) => shape)).toEqual(real.map(({ shape }) => shape))
    expect(made.at(1)?.content.toString()).toBe('see ![a](assets/öä.png)')
  })
})

describe("a task's guide in an archive of the simulator", () => {
  it('comes last, as in a real one, and an empty one is an empty member', async () => {
    const tail = (members: readonly ReadMember[], count: number) => members.slice(-count).map(({ shape }) => shape)
    const world = buildRecordedWorld()
    const entity: EntityKey = { type: 'task', id: 8 }
    world.setGuide(entity, '')
    const empty = await makeMembers({ real: '', entity }, world)
    expect(tail(empty, 2)).toEqual(tail(await readReal('kinds/task_guide_empty_markdown'), 2))
    expect(empty.at(-1)?.content.length).toBe(0)
    const guideId = world.task(8).guideId ?? 0
    const pictures = ['pic one.png', 'öä.png'].map((name) => world.addAsset(guideId, name, Buffer.from(name)))
    world.setGuide(entity, pictures.map(({ uuid }) => `![a](/api/assets/${uuid})`).join(' '))
    const made = await makeMembers({ real: '', entity }, world)
    expect(tail(made, 5)).toEqual(tail(await readReal('kinds/task_guide_assets'), 5))
  })
})

async function readReal(name: string): Promise<ReadMember[]> {
  return await readMembers(await readFile(new URL(`../fixtures/archives/${name}.zip`, import.meta.url)))
}

async function makeMembers(given: Case, world: World = buildRecordedWorld()): Promise<ReadMember[]> {
  given.change?.(world)
  const kind = given.kind ?? 'backup'
  const plan = planArchive(world, given.entity, kind, kind === 'backup' ? null : 'CVAT for images 1.1')
  const layout = layOutZip(listMembers(plan))
  return await readMembers(Buffer.concat([...layout.read(0, layout.size)]))
}

/** CVAT lists a task's media as its file system does, in no order: within a folder they are compared sorted. */
function groupMedia(members: readonly ReadMember[]): MemberShape[] {
  const groups: MemberShape[][] = []
  for (const { shape } of members) {
    const last = groups.at(-1)
    if (last && folderOf(last[0]) !== '' && folderOf(last[0]) === folderOf(shape)) last.push(shape)
    else groups.push([shape])
  }
  return groups.flatMap((group) => group.sort((a, b) => (a.name < b.name ? -1 : 1)))
}

function folderOf(shape: MemberShape | undefined): string {
  return /^(.*\b(?:data|default)\/)[^/]+$/.exec(shape?.name ?? '')?.[1] ?? ''
}

function jsonOf(members: readonly ReadMember[]): Map<string, unknown> {
  const texts = members.filter(({ shape }) => shape.name.endsWith('.json'))
  return new Map(
    texts.map(({ shape, content }) => [shape.name, jsonShape(withoutGroups(JSON.parse(content.toString())))]),
  )
}

/** A shape's group is 0 or null, whichever client drew it. */
function withoutGroups(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutGroups)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === 'group' ? 0 : withoutGroups(item)]),
  )
}

function manifestOf(members: readonly ReadMember[]): unknown {
  const manifest = members.find(({ shape }) => shape.name.endsWith('manifest.jsonl'))
  const lines = manifest?.content.toString().trimEnd().split('\n') ?? []
  return lines.map((line) => jsonShape(JSON.parse(line)))
}

/** Each kind of element once, with the names of its attributes. */
function elementsOf(members: readonly ReadMember[]): Set<string> {
  const text = members[0]?.content.toString() ?? ''
  const elements = [...text.matchAll(/<(\w+)([^>]*)>/g)]
  return new Set(
    elements.map(([, name, rest]) => [name, ...(rest ?? '').matchAll(/(\w+)=/g).map((match) => match[1])].join(' ')),
  )
}
