import { copyFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildZip } from '../shared/store/build-zip.ts'
import { observe, planTask, withData, without } from '../shared/store/plan-backup.ts'
import { storeFile } from '../shared/store/store-file.ts'
import { openTestStore } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { runCommand } from './run-command.ts'

const entity = { type: 'task', id: 7 } as const

/** Three states of one task: two equal ones, then a picture less and an annotation more. */
async function storeStates() {
  const store = await openTestStore()
  const observation = { ...observe(3), name: 'night' }
  const first = planTask()
  const annotations = [{ version: 0, tags: [{ frame: 2, label: 'rain', attributes: [] }], shapes: [], tracks: [] }]
  const last = withData(without(first, /picture_0/), 'annotations.json', JSON.stringify(annotations))
  const archives = []
  for (const [bytes, day] of [
    [buildZip(first), 18],
    [buildZip([...first].reverse()), 20],
    [buildZip(last), 22],
  ] as const) {
    const createdAt = `2026-11-${day}T10:00:00.000Z`
    archives.push(await storeFile(store, { entity, bytes, observation, createdAt }))
  }
  return { directory: store.directory, archives }
}

describe('cvat-backups diff', () => {
  test('exits with 0 where nothing differs in content, though the bytes do', async () => {
    const { directory, archives } = await storeStates()
    const [first, second] = archives
    expect(first?.record.archive.sha256).not.toBe(second?.record.archive.sha256)
    const { code, stdout, stderr } = await runCommand(directory, 'diff', first!.archivePath, second!.archivePath)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`--- ${first!.archivePath} (2026-11-18T10:00:00.000Z)`)
    expect(stdout).toContain('No difference in content (1 task compared)')
  })

  test('exits with 1 and tells what changed between the newest two', async () => {
    const { directory } = await storeStates()
    const { code, stdout } = await runCommand(directory, 'diff', 'task-7')
    expect(code).toBe(1)
    expect(stdout).toContain('~ task-101 "a task"')
    expect(stdout).toContain('media: 1 removed')
    expect(stdout).toContain('- "data/picture_0.png"')
    expect(stdout).toContain('annotations: 1 added, 1 removed (1 before, 1 after)')
    expect(stdout).toContain('label "rain": 1 added')
    const json = JSON.parse((await runCommand(directory, 'diff', 'task-7', '--json')).stdout)
    expect(json).toMatchObject({
      before: { createdAt: '2026-11-20T10:00:00.000Z' },
      after: { createdAt: '2026-11-22T10:00:00.000Z' },
      differences: [
        { what: 'task-changed', changes: { media: { removed: 1 }, annotations: { added: 1, removed: 1 } } },
      ],
      tasksCompared: 1,
      differing: 1,
      equal: false,
    })
  })

  test.each([
    [
      ['task-7', '2026-11-18'],
      ['18T10', '20T10'],
    ],
    [
      ['task-7', '2026-11-18', '2026-11-20T10:00Z'],
      ['18T10', '20T10'],
    ],
    [
      ['task-7@2026-11-19', 'task-7@2026-11-22'],
      ['18T10', '20T10'],
    ],
    [
      ['night', '2026-11-20', '2026-11-30'],
      ['20T10', '20T10'],
    ],
  ])('%j takes the newest good archives until then', async (words, days) => {
    const { directory } = await storeStates()
    const { stdout } = await runCommand(directory, 'diff', ...words)
    expect(stdout.split('\n')[0]).toContain(days[0])
    expect(stdout.split('\n')[1]).toContain(days[1])
  })

  test('takes file names and files from elsewhere', async () => {
    const { directory, archives } = await storeStates()
    const copy = join(await makeTemporaryFolder(), 'copy.zip')
    await copyFile(archives[0]!.archivePath, copy)
    const name = basename(archives[2]!.archivePath)
    expect(await runCommand(directory, 'diff', copy, name)).toMatchObject({ code: 1 })
    expect(await runCommand(directory, 'diff', copy, `task-7/${basename(archives[1]!.archivePath)}`)).toMatchObject({
      code: 0,
    })
  })

  test.each([
    [[], 'diff takes a project or task'],
    [['task-7', '2026-11-01'], 'there is no archive of task-7 from 2026-11-01'],
    [['task-7', 'a', 'b'], '«a» is neither an archive nor a time'],
    [['task-8'], 'there are no archives of task-8'],
    [['missing.zip', 'task-7'], 'there is no file missing.zip'],
    [['/dev/null', 'task-7'], 'no project or task in'],
  ])('%j is trouble, and says so with 2', async (words, message) => {
    const { directory } = await storeStates()
    const { code, stderr } = await runCommand(directory, 'diff', ...words)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  test('a hostile file is trouble, whatever it claims', async () => {
    const { directory } = await storeStates()
    const bomb = join(await makeTemporaryFolder(), 'bomb.zip')
    await writeFile(bomb, buildZip([{ name: '../../task.json', data: '{}' }]))
    const { code, stderr } = await runCommand(directory, 'diff', bomb, 'task-7')
    expect(code).toBe(2)
    expect(stderr).toContain('is no sound backup')
  })
})
