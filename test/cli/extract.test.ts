import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { fixtures, listMembers, readTextMember, testWithUnzip } from '../shared/composition/composed-files.ts'
import { flipByte } from '../shared/store/damage.ts'
import { observe } from '../shared/store/plan-backup.ts'
import { storeFile } from '../shared/store/store-file.ts'
import { openTestStore, project6 } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { runCommand } from './run-command.ts'

const own = join(fixtures, 'kinds/composed_task_1.zip')

async function storeProject() {
  const store = await openTestStore()
  const bytes = 'kinds/composed_project_cvats_own.zip'
  const archive = await storeFile(store, { entity: project6, bytes, observation: observe(4, 4, 4, 20) })
  const folder = await makeTemporaryFolder()
  return { directory: store.directory, archive, folder, out: join(folder, 'out.zip') }
}

describe('cvat-backups extract', () => {
  test.each(['102', 'task-102', 'task_1', 'Task 1 ü'])(
    '--task %s writes that task as CVAT would back it up',
    async (task) => {
      const { directory, out, folder } = await storeProject()
      const { code, stdout, stderr } = await runCommand(directory, 'extract', 'project-6', '--task', task, '-o', out)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('is task 102 "Task 1 ü": restore it by Tasks, +, Create from backup')
      expect(await listMembers(out)).toEqual(await listMembers(own))
      await testWithUnzip(out)
      expect(await inspectArchive(out, { entityType: 'task', content: { kind: 'backup' } })).toMatchObject({
        level: 'complete',
        problems: [],
      })
      expect(await readdir(folder)).toEqual(['out.zip'])
    },
  )

  test('takes the newest good archive, and says where a newer one is not good', async () => {
    const { directory, archive, out } = await storeProject()
    const store = openStore({ directory })
    const stale = [{ code: 'stale', message: 'Task 102 is in an old state', taskId: 102 }]
    const later = {
      bytes: 'kinds/composed_project_by_hand.zip',
      createdAt: '2026-11-23T20:00:00.000Z',
      problems: stale,
    }
    const newer = await storeFile(store, { entity: project6, observation: observe(4, 4, 4, 20), ...later })
    const { code, stderr } = await runCommand(directory, 'extract', 'project-6', '--task', '102', '-o', out)
    expect(code).toBe(0)
    expect(stderr).toContain(
      `this is from ${archive.record.createdAt}, the newest good archive; one from 2026-11-23T20`,
    )
    const words = ['extract', newer.archivePath, '--task', '102', '-o', `${out}2`]
    expect((await runCommand(directory, ...words)).stderr).toContain(
      'warning: Task 102 is in an old state; see whether',
    )
  })

  test('writes the annotations alone, byte by byte', async () => {
    const { archive, directory, out } = await storeProject()
    const words = ['extract', archive.archivePath, '--task', '101', '--annotations', '-o', out]
    expect(await runCommand(directory, ...words)).toMatchObject({ code: 0 })
    expect(await readFile(out, 'utf8')).toBe(await readTextMember(archive.archivePath, 'task_0/annotations.json'))
  })

  test('never overwrites a file, and writes none into the backup directory', async () => {
    const { directory, out } = await storeProject()
    await writeFile(out, 'mine')
    const there = await runCommand(directory, 'extract', 'project-6', '--task', '102', '-o', out)
    expect(there).toMatchObject({ code: 1, stdout: '' })
    expect(there.stderr).toContain('is there already')
    expect(await readFile(out, 'utf8')).toBe('mine')
    // The command runs inside the backup directory, so that its own choice of a name would lie there.
    for (const words of [[], ['-o', join(directory, 'x.zip')], ['-o', join(directory, 'project-6/x.zip')]]) {
      const inside = await runCommand(directory, 'extract', 'project-6', '--task', '102', ...words)
      expect(inside.code).toBe(2)
      expect(inside.stderr).toContain('is in the backup directory')
    }
  })

  test('names the tasks there are where none or another is asked for', async () => {
    const { directory, out } = await storeProject()
    const none = await runCommand(directory, 'extract', 'project-6', '-o', out)
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('the archive holds 4 tasks')
    expect(none.stderr).toContain('101 (task_0) "Task 0 ü"')
    expect((await runCommand(directory, 'extract', 'project-6', '--task', '9', '-o', out)).stderr).toContain(
      'no tasks of the archive are «9»',
    )
    expect((await runCommand(directory, 'extract')).code).toBe(2)
  })

  test('takes a file from elsewhere, whose tasks nobody knows by id, and a task’s own archive', async () => {
    const { directory, out } = await storeProject()
    const path = join(fixtures, 'kinds/composed_project_cvats_own.zip')
    expect(await runCommand(directory, 'extract', path, '--task', 'task_1', '-o', out)).toMatchObject({ code: 0 })
    expect(await listMembers(out)).toEqual(await listMembers(own))
    expect(await runCommand(directory, 'extract', own, '-o', `${out}2`)).toMatchObject({ code: 0 })
    expect(await listMembers(`${out}2`)).toEqual(await listMembers(own))
  })

  test('says that an annotation export holds no task, and takes its document', async () => {
    const { directory, out } = await storeProject()
    const path = join(fixtures, 'project_annotations_cvat_for_images.zip')
    const refused = await runCommand(directory, 'extract', path, '-o', out)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('extract --annotations writes its annotations.xml')
    expect(await runCommand(directory, 'extract', path, '--annotations', '-o', out)).toMatchObject({ code: 0 })
    expect(await readFile(out, 'utf8')).toContain('<annotations>')
  })

  test('leaves nothing behind of a task that is damaged, and tells of one that is incomplete', async () => {
    const { directory, archive, out, folder } = await storeProject()
    const bytes = await readFile(archive.archivePath)
    await flipByte(archive.archivePath, bytes.indexOf('task_1/data/r0.png') + 50)
    const damaged = await runCommand(directory, 'extract', archive.archivePath, '--task', '102', '-o', out)
    expect(damaged).toMatchObject({ code: 1, stdout: '' })
    expect(damaged.stderr).toContain('"task_1/data/r0.png" has another CRC-32 than stated')
    expect(await readdir(folder)).toEqual([])
    const path = join(fixtures, 'project_backup_incomplete_task_0_has_no_data.zip')
    const incomplete = await runCommand(directory, 'extract', path, '--task', 'task_0', '-o', out)
    expect(incomplete.code).toBe(1)
    expect(incomplete.stderr).toContain('INCOMPLETE: The task has 4 frames but no media')
  })
})
