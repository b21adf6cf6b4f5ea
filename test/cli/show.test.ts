import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildZip } from '../shared/store/build-zip.ts'
import { flipByte } from '../shared/store/damage.ts'
import { observe, planProject, planTask } from '../shared/store/plan-backup.ts'
import { storeFile } from '../shared/store/store-file.ts'
import { openTestStore, project6, serverUrl } from '../shared/store/store-fixture.ts'
import { runCommand } from './run-command.ts'

const bytesOf = (seed: string) =>
  buildZip(planProject(planTask('task_0/', { name: seed }), planTask('task_1/', { name: 'second' })))

describe('cvat-backups show', () => {
  test('tells of each archive what it holds, how good it is, and why and until when it is kept', async () => {
    const store = await openTestStore()
    const observation = { ...observe(3, 3), name: 'Crossing', organization: 'acme' }
    await storeFile(store, {
      entity: project6,
      bytes: bytesOf('a'),
      observation,
      createdAt: '2026-11-20T20:00:00.000Z',
    })
    await storeFile(store, {
      entity: project6,
      bytes: bytesOf('b'),
      observation,
      createdAt: '2026-11-22T20:00:00.000Z',
    })
    const { code, stdout, stderr } = await runCommand(store.directory, 'show', 'project-6')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`project-6 "Crossing" of organization "acme" at ${serverUrl}`)
    expect(stdout.indexOf('2026-11-22 20:00:00')).toBeLessThan(stdout.indexOf('2026-11-20 20:00:00'))
    expect(stdout).toContain('good (complete)')
    expect(stdout).toContain('2 tasks, 6 frames, 2 annotations')
    expect(stdout).toMatch(
      /kept {6}until newer ones take its place: newest good archive of its series, .*minimum 1 of 3/,
    )
    expect(stdout).toContain('minimum 2 of 3')
  })

  test('finds it by a name that it has alone, and asks where several have it', async () => {
    const store = await openTestStore()
    const store1 = (id: number, name: string, seed: string) =>
      storeFile(store, {
        entity: { type: 'project', id },
        bytes: bytesOf(seed),
        observation: { ...observe(3, 3), name },
      })
    await store1(1, 'only one', 'a')
    await store1(2, 'twice', 'b')
    await store1(3, 'twice', 'c')
    expect((await runCommand(store.directory, 'show', 'only one')).stdout).toContain('project-1 "only one"')
    const several = await runCommand(store.directory, 'show', 'twice')
    expect(several).toMatchObject({ code: 1, stdout: '' })
    expect(several.stderr).toContain('2 projects and tasks are named "twice": project-2, project-3')
    expect((await runCommand(store.directory, 'show', 'none')).stderr).toContain('no project or task')
    expect((await runCommand(store.directory, 'show', 'project-99')).stderr).toContain('no archives of project-99')
    for (const words of [[], ['a', 'b'], ['project-1', '--unknown']]) {
      expect((await runCommand(store.directory, 'show', ...words)).code).toBe(2)
    }
  })

  test('names the archives of single tasks that make a stale one whole, and what stays wanting', async () => {
    const store = await openTestStore()
    const observation = observe(3, 3)
    const stale = [101, 102].map((taskId) => ({ code: 'stale', message: `Task ${taskId} is in an old state`, taskId }))
    await storeFile(store, { entity: project6, bytes: bytesOf('a'), observation, problems: stale })
    const own = await storeFile(store, {
      entity: { type: 'task', id: 102 },
      bytes: buildZip(planTask('', { name: 'second' })),
      observation: { ...observation, tasks: observation.tasks.slice(1) },
    })
    const { stdout } = await runCommand(store.directory, 'show', 'project-6')
    expect(stdout).toContain('  STALE')
    expect(stdout).toContain('problem   stale: Task 101 is in an old state')
    expect(stdout).toContain('whole     NO, even put together with 1 archive of single tasks')
    expect(stdout).toContain(`task-102 "task 102": task-102/${own.record.archive.fileName}`)
    expect(stdout).toContain('task-101 "task 101" OLD: Task 101 is in an old state; it has no archive of its own')
    const json = JSON.parse((await runCommand(store.directory, 'show', 'project-6', '--json')).stdout)
    expect(json.servers[0].archives[0]).toMatchObject({
      state: 'stale',
      composition: { isWhole: false, unusable: null, wanting: [{ taskId: 101, what: 'old' }] },
    })
  })

  test('shows warnings, damage, deletion and strange files, as text and as JSON', async () => {
    const store = await openTestStore()
    const entity = { type: 'task', id: 7 } as const
    const kept = await storeFile(store, {
      entity,
      bytes: 'kinds/label_name_equals_skeleton_plus_sublabel.zip',
      observation: { ...observe(4), name: 'evil\u001b[31m\nname' },
    })
    await writeFile(join(store.directory, 'task-7', 'notes.txt'), 'mine')
    await mkdir(join(store.directory, 'task-7', 'sub'))
    await store.writeDeletedMarker(entity, serverUrl)
    await flipByte(kept.archivePath, 100)
    await runCommand(store.directory, 'verify', 'task-7')
    const { stdout } = await runCommand(store.directory, 'show', 'task-7')
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toContain('DELETED on the server (noticed on 2026-11-22)')
    expect(stdout).toContain('  DAMAGED')
    expect(stdout).toMatch(/problem {3}bit-rot: .*SHA-256/)
    expect(stdout).toContain('warning   label-name-collides: Task 101: CVAT cannot restore this')
    expect(stdout).toContain('notes.txt: foreign')
    const json = JSON.parse((await runCommand(store.directory, 'show', 'task-7', '--json')).stdout)
    expect(json).toMatchObject({
      entity: 'task-7',
      servers: [
        {
          url: serverUrl,
          deletedSince: '2026-11-22T21:00:00.000Z',
          archives: [{ file: kept.record.archive.fileName, state: 'damaged', action: 'keep', keptUntil: null }],
        },
      ],
      unrecognised: [{ reason: 'foreign' }, { reason: 'foreign' }],
    })
  })
})
