// Every archive that a real CVAT made, by our restore to a simulated server and backed up again: the same members, but for
// what CVAT itself loses (test/simulator/restore/verdicts.ts).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { runCommand } from '../../cli/run-command.ts'
import { type ReadMember, readMembers } from '../../contracts/zip-shape.ts'
import { buildZip } from '../../shared/store/build-zip.ts'
import { observe } from '../../shared/store/plan-backup.ts'
import { storeFile } from '../../shared/store/store-file.ts'
import { project6 } from '../../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import { fetchBackup } from '../../simulator/raw-client.ts'
import { refusedWithStaticCache, type Verdict, verdicts } from '../../simulator/restore/verdicts.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { login } from '../../support/small-world.ts'
import { openRestoreFixture, type RestoreFixture } from './restore-fixture.ts'

expectNoLeaks()

const folder = new URL('../../fixtures/archives/', import.meta.url)
const names = ['', 'kinds/'].flatMap((place) =>
  readdirSync(new URL(place, folder)).flatMap((file) => (file.endsWith('.zip') ? [place + file.slice(0, -4)] : [])),
)
const asTester = { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }
const isExport = (name: string) => /project_(annotations|dataset)_/.test(name)
const incomplete = 'project_backup_incomplete_task_0_has_no_data'

describe('an archive of a real CVAT', () => {
  it.each(names.filter((name) => !isExport(name) && name !== incomplete))('%s is restored', async (name) => {
    const fixture = await openRestoreFixture()
    await expectVerdict(fixture, name, verdicts[name] ?? {})
  })

  it.each(names.filter((name) => name.startsWith('kinds/static_')))(
    '%s is refused by a server with a static cache where CVAT refuses it, and restored with --repair',
    async (name) => {
      const fixture = await openRestoreFixture({ allowStaticCache: true })
      await expectVerdict(fixture, name, refusedWithStaticCache[name] ?? verdicts[name] ?? {})
      if (!refusedWithStaticCache[name]) return
      const stored = await store(fixture, name)
      const result = await fixture.restore(stored, { repair: true })
      expect(result).toMatchObject({ differences: [], notes: [expect.stringContaining('storage_method')] })
      expect(fixture.present()).toEqual([stored.record.observation.name])
      // The stored file is as it was.
      expect(readFileSync(stored.archivePath)).toEqual(readFileSync(new URL(`${name}.zip`, folder)))
    },
  )

  it('that says its media lie on a share is refused, and restored with --repair', async () => {
    const fixture = await openRestoreFixture()
    // Made as older versions of CVAT wrote it: 2.64.1 writes `local`.
    const members = await readMembers(readFileSync(new URL('kinds/share_images_nocopy.zip', folder)))
    const bytes = buildZip(
      members.map(({ shape: { name }, content }) => ({
        name,
        data: name === 'task.json' ? content.toString().replace('"storage":"local"', '"storage":"share"') : content,
      })),
    )
    const entity = { type: 'task', id: 6 } as const
    const archive = await storeFile(fixture.store, { entity, bytes, observation: observe(6) })
    expect(archive.record.verification.warnings).toMatchObject([{ code: 'media-claimed-on-share' }])
    await expect(fixture.restore(archive)).rejects.toMatchObject({
      message: expect.stringContaining('/share/manifest.jsonl'),
      hint: expect.stringContaining('--repair'),
    })
    const mended = '"storage" changed from "share" to "local"'
    const result = await fixture.restore(archive, { repair: true })
    expect(result).toMatchObject({ differences: [], notes: [expect.stringContaining(`restored with ${mended}`)] })
    expect(readFileSync(archive.archivePath)).toEqual(bytes)
  })

  it('whose guide has two pictures of one name keeps both with --repair, and says so', async () => {
    const fixture = await openRestoreFixture()
    const archive = await store(fixture, 'kinds/guide_two_assets_same_name')
    const { restored, notes } = await fixture.restore(archive, { repair: true })
    expect(notes).toEqual([expect.stringContaining('restored with pictures of the guide renamed')])
    const after = await readMembers((await fetchBackup(fixture.target, restored, asTester)).body)
    const pictures = after.filter(({ shape }) => shape.name.startsWith('assets/'))
    expect(new Set(pictures.map(({ shape }) => shape.name)).size).toBe(2)
    expect(new Set(pictures.map(({ crc }) => crc)).size).toBe(2)
  })

  it.each([
    ['kinds/share_related_2d_nocopy', 'task', [2], 'context images, which lie on a share'],
    ['project_backup', 'project', [4, 0], 'CVAT leaves tasks without data out'],
  ] as const)('%s is restored, and what CVAT had left out of it is told', async (name, type, sizes, told) => {
    const fixture = await openRestoreFixture()
    const bytes = `${name}.zip`
    const archive = await storeFile(fixture.store, { entity: { type, id: 6 }, bytes, observation: observe(...sizes) })
    expect(archive.record.verification.warnings).toEqual([
      expect.objectContaining({ message: expect.stringContaining(told) }),
    ])
    expect(await fixture.restore(archive)).toMatchObject({ notes: [expect.stringContaining(told)] })
  })

  it('whose labels collide is refused by CVAT, repair or not, with what can be done', async () => {
    const fixture = await openRestoreFixture()
    const archive = await store(fixture, 'kinds/label_name_equals_skeleton_plus_sublabel')
    await expect(fixture.restore(archive, { repair: true })).rejects.toMatchObject({
      code: 'import-failed',
      hint: expect.stringContaining('named like a skeleton and its part'),
    })
    expect(fixture.present()).toEqual([])
  })

  it('whose labels collide in a project gives the tasks without such annotations by extract, though these have the labels too', async () => {
    const fixture = await openRestoreFixture()
    const path = new URL('kinds/label_name_equals_skeleton_plus_sublabel.zip', folder)
    const members = (await readMembers(readFileSync(path))).map(({ shape, content }) => ({
      name: shape.name,
      data: content,
    }))
    const task = JSON.parse(String(members.find(({ name }) => name === 'task.json')?.data)) as { labels?: object[] }
    const inFolder = (name: string, replaced: Record<string, string>) =>
      members.map((one) => ({ name: `${name}/${one.name}`, data: replaced[one.name] ?? one.data }))
    const none = JSON.stringify([{ version: 0, tags: [], shapes: [], tracks: [] }])
    const project = { name: 'alpha', bug_tracker: '', status: 'annotation', labels: task.labels, version: '1.0' }
    const bytes = buildZip([
      { name: 'project.json', data: JSON.stringify(project) },
      // CVAT writes the project's labels into each task, too.
      ...inFolder('task_0', {}),
      ...inFolder('task_1', { 'annotations.json': none }),
    ])
    const archive = await storeFile(fixture.store, { entity: project6, bytes, observation: observe(4, 4) })
    await expect(fixture.restore(archive, { repair: true })).rejects.toMatchObject({
      code: 'import-failed',
      hint: expect.stringContaining('cvat-backups extract'),
    })
    const out = join(await makeTemporaryFolder(), 'out.zip')
    const extracted = async (id: number) => {
      const { code } = await runCommand(
        fixture.store.directory,
        'extract',
        'project-6',
        '--task',
        String(id),
        '-o',
        `${out}${id}`,
      )
      expect(code).toBe(0)
      const entity = { type: 'task', id } as const
      return storeFile(fixture.store, { entity, bytes: readFileSync(`${out}${id}`), observation: observe(4) })
    }
    await expect(fixture.restore(await extracted(101))).rejects.toMatchObject({ code: 'import-failed' })
    expect(await fixture.restore(await extracted(102))).toMatchObject({ notes: [expect.stringContaining('posehead')] })
    expect(fixture.present()).toHaveLength(1)
    expect([...fixture.target.world.labels.values()].map(({ name }) => name)).toEqual(
      expect.arrayContaining(['pose', 'posehead']),
    )
  })

  it.each(names.filter(isExport))('%s is refused as an annotation export before anything is sent', async (name) => {
    const fixture = await openRestoreFixture()
    const archive = await store(fixture, name)
    await expect(fixture.restore(archive)).rejects.toMatchObject({
      code: 'not-restorable',
      hint: expect.stringContaining('restore --annotations'),
    })
    expect(fixture.target.stats.requestCount()).toBe(0)
  })

  it(`${incomplete} is restored with what it has, and what it has not is named as a difference`, async () => {
    const fixture = await openRestoreFixture()
    const archive = await store(fixture, incomplete)
    expect(await fixture.restore(archive)).toMatchObject({
      differences: [{ where: 'task 101 "epsilon task 0"', what: expect.stringContaining('is missing: ') }],
    })
  })
})

async function store(fixture: RestoreFixture, name: string): Promise<StoredArchive> {
  const path = new URL(`${name}.zip`, folder)
  const bytes = readFileSync(path)
  const members = await readMembers(bytes)
  const root = members.find(({ shape }) => shape.name === 'project.json')
  const json = root ?? members.find(({ shape }) => shape.name === 'task.json')
  const entity = { type: isExport(name) || root ? 'project' : 'task', id: 6 } as const
  const content = isExport(name)
    ? ({ kind: 'annotations', format: 'CVAT for images 1.1', saveImages: name.includes('dataset') } as const)
    : ({ kind: 'backup' } as const)
  const { tasks } = await inspectArchive(path.pathname, { entityType: entity.type, content, observation: undefined })
  const date = '2026-11-22T20:31:45.123456Z'
  const rows: (typeof tasks)[number][] = []
  for (const task of tasks) rows[task.position] = task
  const observation = {
    name: json ? (JSON.parse(json.content.toString()) as { name: string }).name : name,
    organization: null,
    updatedDate: date,
    // A gap is a task without data.
    tasks: Array.from(rows, (row, index) => ({
      id: 101 + index,
      name: row?.name ?? 'without data',
      subset: row?.subset ?? '',
      size: row?.frames ?? 0,
      updatedDate: date,
      jobCount: 1,
      newestJobDate: date,
    })),
  }
  return storeFile(fixture.store, { entity, content, bytes, observation })
}

async function expectVerdict(fixture: RestoreFixture, name: string, verdict: Verdict): Promise<void> {
  const { target } = fixture
  const archive = await store(fixture, name)
  if (verdict.fails !== undefined) {
    const line = verdict.fails.trim().split('\n').at(-1)!
    await expect(fixture.restore(archive)).rejects.toMatchObject({ message: expect.stringContaining(line) })
    expect(fixture.present()).toEqual([])
    return
  }
  const result = await fixture.restore(archive)
  expect(result.differences).toEqual([])
  const before = await readMembers(readFileSync(new URL(`${name}.zip`, folder)))
  const after = await readMembers((await fetchBackup(target, result.restored, asTester)).body)
  const lost = before.map(({ shape }) => shape.name)
  for (const { shape } of after) lost.splice(lost.indexOf(shape.name), 1)
  expect(lost).toEqual(verdict.lost ?? [])
  const kept = withoutFirst(before, lost)
  expect(after.map(({ shape }) => shape.name)).toEqual(kept.map(({ shape }) => shape.name))
  expect(listChanges(kept, after)).toEqual(verdict.changed ?? [])
  expect(target.stats.errors).toEqual([])
}

/** Of two members of one name, it is the first that goes. */
function withoutFirst(members: readonly ReadMember[], names: readonly string[]): ReadMember[] {
  const kept = [...members]
  for (const name of names)
    kept.splice(
      kept.findIndex(({ shape }) => shape.name === name),
      1,
    )
  return kept
}

/** Members by their CRC; where one differs and is JSON, the values that do. */
function listChanges(before: readonly ReadMember[], after: readonly ReadMember[]): string[] {
  return before.flatMap((member, index) => {
    const other = after[index]
    const { name } = member.shape
    if (other?.crc === member.crc) return []
    if (!name.endsWith('.json')) return [name]
    const paths = comparePaths(JSON.parse(member.content.toString()), JSON.parse(String(other?.content)))
    return paths.map((path) => `${name} ${path}`)
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
