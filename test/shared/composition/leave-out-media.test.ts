// Archives of tasks that a real CVAT made, written without their media and read together with them.

import { readdirSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { canBeWritten, findTaskRuns, haveSameMembers, writeRun } from '#shared/composition/leave-out-media.ts'
import { openPiecedSource } from '#shared/composition/pieced-source.ts'
import { openZipSource, type SourceArchive } from '#shared/composition/source-archive.ts'
import { buildZip } from '../store/build-zip.ts'
import { planProject, planTask } from '../store/plan-backup.ts'
import { makeTemporaryFolder } from '../store/temporary-folder.ts'
import { fixtures, listWithPython, testWithUnzip, writeArchive } from './composed-files.ts'

const archives = ['', 'kinds'].flatMap((folder) =>
  readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith('.zip') && !/^(composed_|static_)?project/.test(name))
    .map((name) => join(folder, name)),
)

async function writeRest(source: SourceArchive): Promise<string> {
  const path = join(await makeTemporaryFolder(), 'rest.zip')
  await using file = await open(path, 'wx+')
  await writeRun(source, findTaskRuns(source)!.rest, file)
  return path
}

async function listOf(source: SourceArchive) {
  const found = []
  for await (const member of source.members(source.folders.get(''))) {
    const { name, sizeBytes, crc32 } = member
    await source.readContent(member, () => undefined)
    found.push({ name, sizeBytes, crc32 })
  }
  return found
}

describe('an archive of a task', () => {
  test.each(archives)('%s is itself again, by members, from its media and the rest', async (name) => {
    const path = join(fixtures, name)
    await using source = await openZipSource(path)
    const rest = await writeRest(source)
    await testWithUnzip(rest)
    expect(await readFile(await writeRest(source))).toEqual(await readFile(rest))
    const sizeBytes = (await stat(rest)).size
    await using again = await openPiecedSource(
      { path: rest, sizeBytes },
      [
        { path, sizeBytes: source.sizeBytes, prefix: '', takes: 'media' },
        { path: rest, sizeBytes, prefix: '', takes: 'rest' },
      ],
      {},
    )
    const wanted = await listWithPython(path)
    expect(await listOf(again)).toEqual(wanted)
    expect(again.memberCount).toBe(wanted.length)
    expect((await listWithPython(rest)).map((one) => one.name).filter((one) => one.startsWith('data/'))).toEqual([])
    // What was found the first time spares the walk the second time.
    const known = { sizeBytes, memberCount: again.memberCount, folders: again.folders }
    await using third = await openPiecedSource(
      { path: rest, sizeBytes },
      [
        { path, sizeBytes: source.sizeBytes, prefix: '', takes: 'media' },
        { path: rest, sizeBytes, prefix: '', takes: 'rest' },
      ],
      { known },
    )
    expect(await listOf(third)).toEqual(wanted)
    expect((await third.find('task.json'))?.name).toBe('task.json')
    expect((await third.find('data/manifest.jsonl'))?.name).toBe('data/manifest.jsonl')
  })

  test('of another shape is not taken apart', async () => {
    const task = planTask()
    const shapes = {
      'without media': task.filter(({ name }) => !name.startsWith('data/')),
      'media last': [...task.slice(-2), ...task.slice(0, -2)],
      'media in two runs': [task[0]!, task.at(-1)!, ...task.slice(1, -1)],
      'nothing but media': task.filter(({ name }) => name.startsWith('data/')),
      'a project': planProject(planTask('task_0/')),
      'a task in a task': [...task, ...planTask('task_0/')],
    }
    for (const [what, members] of Object.entries(shapes)) {
      await using source = await openZipSource((await writeArchive(buildZip(members))).archivePath)
      expect(findTaskRuns(source), what).toBeUndefined()
    }
    const deflated = task.map((member) => ({ ...member, deflate: member.name === 'task.json' }))
    await using source = await openZipSource((await writeArchive(buildZip(deflated))).archivePath)
    expect(await canBeWritten(source, findTaskRuns(source)!.rest)).toBe(false)
    expect(await canBeWritten(source, findTaskRuns(source)!.media)).toBe(true)
  })

  test('has the same media as another one only if names, order and content are the same', async () => {
    const compare = async (members: ReturnType<typeof planTask>) => {
      await using a = await openZipSource((await writeArchive(buildZip(planTask()))).archivePath)
      await using b = await openZipSource((await writeArchive(buildZip(members))).archivePath)
      const [one, other] = [findTaskRuns(a)!.media, findTaskRuns(b)!.media]
      return await haveSameMembers({ source: a, run: one }, { source: b, run: other })
    }
    const task = planTask()
    expect(await compare(task)).toBe(true)
    expect(await compare(planTask('', { name: 'renamed', media: 'a task' }))).toBe(true)
    expect(await compare([task[1]!, task[0]!, ...task.slice(2)])).toBe(false)
    expect(await compare(task.slice(1))).toBe(false)
    expect(await compare([{ ...task[0]!, data: 'pixels of b task 0' }, ...task.slice(1)])).toBe(false)
    expect(await compare([{ ...task[0]!, name: 'data/other.png' }, ...task.slice(1)])).toBe(false)
  })
})
