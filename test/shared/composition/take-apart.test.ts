// Every archive of a project that a real CVAT made, taken apart and put together again.

import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CompositionPlan, planFolder, planTaskExtraction } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { buildZip } from '../store/build-zip.ts'
import { planProject } from '../store/plan-backup.ts'
import { describeFile, fixtures, listMembers, testWithUnzip, writeArchive, writeOut } from './composed-files.ts'

const backup = { kind: 'backup' } as const
const archives = ['', 'kinds'].flatMap((folder) =>
  readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith('.zip') && /project/.test(name) && !/annotations|dataset/.test(name))
    .map((name) => join(folder, name)),
)

/** Writes what lies outside tasks, and each task as it would be backed up by itself, to files of their own. */
async function takeApart(path: string) {
  await using source = await openSourceArchive(path)
  const archive = await describeFile(path)
  const write = async (plan: CompositionPlan) => {
    const composed = await openComposedArchive(plan)
    return { file: await writeOut(composed), sha256: await composed.hash(), sizeBytes: composed.sizeBytes }
  }
  const positions = [...source.folders.keys()].flatMap((folder) => /^task_(\d+)\/$/.exec(folder)?.[1] ?? []).map(Number)
  const tasks = []
  for (const position of positions.sort((a, b) => a - b)) {
    tasks.push({ position, ...(await write(planTaskExtraction(archive, position))) })
  }
  return { project: await write({ parts: [planFolder(archive, '', '')] }), tasks }
}

async function putTogether({ project, tasks }: Awaited<ReturnType<typeof takeApart>>): Promise<string> {
  const parts = [planFolder(await describeFile(project.file), '', '')]
  for (const { position, file } of tasks) parts.push(planFolder(await describeFile(file), '', `task_${position}/`))
  return writeOut(await openComposedArchive({ parts }))
}

describe('a project’s archive', () => {
  test.each(archives)('%s is itself again, by members, when it is taken apart and put together', async (name) => {
    const path = join(fixtures, name)
    const parts = await takeApart(path)
    const whole = await inspectArchive(path, { entityType: 'project', content: backup })
    const again = await putTogether(parts)
    expect(await listMembers(again)).toEqual(await listMembers(path))
    expect((await readFile(again)).length).toBe((await readFile(path)).length)
    await testWithUnzip(again)
    expect(parts.tasks.map(({ position }) => position)).toEqual(whole.members.perTask.map(({ position }) => position))
    for (const [index, { file, sha256, sizeBytes }] of parts.tasks.entries()) {
      const inspection = await inspectArchive(file, { entityType: 'task', content: backup })
      expect(inspection).toMatchObject({ sha256, sizeBytes, members: { perTask: [{ frames: expect.any(Number) }] } })
      const { frames, annotations } = whole.members.perTask[index]!
      expect(inspection.members.perTask[0]).toMatchObject({ frames, annotations })
      // The one whose media CVAT had left out stays without.
      if (!name.includes('incomplete')) expect(inspection).toMatchObject({ level: 'complete', problems: [] })
    }
    const project = await inspectArchive(parts.project.file, { entityType: 'project', content: backup })
    expect(project).toMatchObject({ level: 'complete', problems: [], sha256: parts.project.sha256 })
  })

  test('gives, of each task, the archive that the task’s own backup is', async () => {
    const { tasks } = await takeApart(join(fixtures, 'kinds/composed_project_cvats_own.zip'))
    for (const [index, own] of ['task_0', 'task_1', 'task_2', 'task_3_video'].entries()) {
      expect(await listMembers(tasks[index]!.file)).toEqual(
        await listMembers(join(fixtures, `kinds/composed_${own}.zip`)),
      )
    }
  })

  test('gives the same files each time', async () => {
    const own = join(fixtures, 'kinds/composed_project_cvats_own.zip')
    const [first, second] = [await takeApart(own), await takeApart(own)]
    expect(second.tasks.map(({ sha256 }) => sha256)).toEqual(first.tasks.map(({ sha256 }) => sha256))
  })

  test('whose tasks lie mixed, or whose numbers have gaps and no order, comes apart by tasks', async () => {
    const task = (number: number) => [
      { name: `task_${number}/data/a.png`, data: `a${number}` },
      { name: `task_${number}/task.json`, data: '{}' },
    ]
    const [a, b] = [task(12), task(3)]
    const mixed = planProject(a.flatMap((member, index) => [member, b[index]!]))
    const parts = await takeApart((await writeArchive(buildZip(mixed))).archivePath)
    expect(parts.tasks.map(({ position }) => position)).toEqual([3, 12])
    expect((await listMembers(parts.tasks[1]!.file)).map(({ name }) => name)).toEqual(['data/a.png', 'task.json'])
  })

  test('without a project.json is refused', async () => {
    const { archivePath } = await writeArchive(buildZip([{ name: 'task_0/task.json', data: '{}' }]))
    await expect(takeApart(archivePath)).rejects.toMatchObject({ code: 'no-such-member' })
  })

  test('that is damaged is not taken apart in silence', async () => {
    const bytes = await readFile(join(fixtures, 'project_backup.zip'))
    bytes[bytes.indexOf('annotations.json') + 40]! ^= 0xff
    const { archivePath } = await writeArchive(bytes)
    await expect(takeApart(archivePath)).rejects.toMatchObject({ code: 'damaged-archive' })
  })
})
