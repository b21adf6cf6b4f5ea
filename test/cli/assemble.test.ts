// What the commands make of a snapshot: of archives that a real CVAT made, against its own archive of the same moment.

import { execFile } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { openRestoreFixture } from '../services/restorer/restore-fixture.ts'
import { fixtures, listMembers, testWithUnzip } from '../shared/composition/composed-files.ts'
import { flipByte } from '../shared/store/damage.ts'
import { observe } from '../shared/store/plan-backup.ts'
import { storeRealSnapshot, storeSnapshot, storeTask } from '../shared/store/snapshot-fixture.ts'
import { storeFile } from '../shared/store/store-file.ts'
import { openTestStore, project6 } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { runCommand } from './run-command.ts'

const cvatsOwn = join(fixtures, 'kinds/composed_project_cvats_own.zip')

async function storeOne() {
  const store = await openTestStore()
  const snapshot = await storeRealSnapshot(store)
  const folder = await makeTemporaryFolder()
  return { store, directory: store.directory, snapshot, folder, out: join(folder, 'out.zip') }
}

/** With the lines of the documentation, their names replaced. */
async function assembleByHand(directory: string, { entity, record }: StoredArchive, out: string): Promise<void> {
  const text = await readFile(join(import.meta.dirname, '../../docs/backup-format.md'), 'utf8')
  const [, lines] = /```sh\n(cd <CVAT_BACKUP_DIR>\/project-6\npython3.*?)```/s.exec(text) ?? []
  const script = lines!
    .replace('<CVAT_BACKUP_DIR>/project-6', join(directory, formatEntity(entity)))
    .replace(/\S+-snapshot-\S+\.json/, record.archive.fileName.replace(/zip$/, 'json'))
    .replace('/tmp/whole.zip', out)
  await promisify(execFile)('bash', ['-euc', script])
}

describe('cvat-backups assemble', () => {
  test('writes what CVAT itself had exported: names, order and CRCs of all members', async () => {
    const { directory, snapshot, folder, out } = await storeOne()
    const { code, stdout, stderr } = await runCommand(directory, 'assemble', 'project-6', '-o', out)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(
      'is project 6 "alpha" as of 2026-11-22T21:00Z: restore it by Projects, +, Create from backup',
    )
    expect(await listMembers(out)).toEqual(await listMembers(cvatsOwn))
    await testWithUnzip(out)
    expect(await readdir(folder)).toEqual(['out.zip'])
    const again = await runCommand(directory, 'assemble', snapshot.record.archive.fileName, '-o', out)
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') })
  })

  test('is done by hand with the lines in docs/backup-format.md, as they stand there', async () => {
    const { store, directory, snapshot, out } = await storeOne()
    await assembleByHand(directory, snapshot, out)
    expect(await listMembers(out)).toEqual(await listMembers(cvatsOwn))
    await testWithUnzip(out)

    const sameMedia = { id: 5, media: 'same', mediaOnce: true }
    await storeTask(store, { ...sameMedia, createdAt: '2026-11-20T10:00:00.000Z' })
    const thin = await storeTask(store, { ...sameMedia, createdAt: '2026-11-21T10:00:00.000Z' })
    expect(thin.record.mediaFrom).toBeDefined()
    const [byHand, extracted] = [`${out}.task.zip`, `${out}.extracted.zip`]
    await assembleByHand(directory, thin, byHand)
    const command = await runCommand(directory, 'extract', thin.record.archive.fileName, '-o', extracted)
    expect(command).toMatchObject({ code: 0 })
    expect(await listMembers(byHand)).toEqual(await listMembers(extracted))
  })

  test('refuses what is no snapshot, and one with a part that is damaged or gone, and leaves nothing', async () => {
    const { store, directory, snapshot, folder, out } = await storeOne()
    const whole = await storeFile(store, {
      entity: project6,
      bytes: 'kinds/composed_project_cvats_own.zip',
      observation: observe(4, 4, 4, 20),
    })
    const refused = await runCommand(directory, 'assemble', whole.archivePath, '-o', out)
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is no snapshot: it is one file already'),
    })
    const foreign = await runCommand(directory, 'assemble', cvatsOwn, '-o', out)
    expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining('is no snapshot of a backup directory') })
    const nowhere = await runCommand(directory, 'assemble', snapshot.archivePath, '-o', join(folder, 'none/out.zip'))
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no such folder') })
    const [task] = (await store.listRecords({ type: 'task', id: 102 })).archives
    await flipByte(task!.archivePath, 2_000)
    expect(await runCommand(directory, 'assemble', snapshot.archivePath, '-o', out)).toMatchObject({ code: 1 })
    await rm(task!.archivePath)
    expect(await runCommand(directory, 'assemble', snapshot.archivePath, '-o', out)).toMatchObject({ code: 1 })
    expect(await readdir(folder)).toEqual([])
    // Once a re-check has found it, what is left is written, and named as incomplete.
    expect((await runCommand(directory, 'verify', 'project-6')).stdout).toContain('is not there')
    const rest = await runCommand(directory, 'assemble', snapshot.archivePath, '-o', out)
    expect(rest).toMatchObject({ code: 1, stderr: expect.stringContaining('INCOMPLETE: Its part task-102/') })
    const folders = new Set((await listMembers(out)).map(({ name }) => name.split('/')[0]))
    expect(folders.has('task_1')).toBe(false)
    expect(folders.has('task_2')).toBe(true)
  })
})

describe('cvat-backups verify', () => {
  test('tells of parts that are gone and of parts that no snapshot needs, though nothing is due', async () => {
    const store = await openTestStore()
    const day = (number: number) => `2026-11-0${number}T10:00:00.000Z`
    const parts = []
    for (const number of [1, 2, 3]) parts.push(await storeTask(store, { id: 17, createdAt: day(number) }))
    const snapshot = await storeSnapshot(store, { createdAt: day(4), parts: [parts[0]!] })
    const unused = await runCommand(store.directory, 'verify')
    expect(unused).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`unused part task-17/${nameOf(parts[1]!)}`),
    })
    expect(unused.stdout).not.toContain(nameOf(parts[2]!))
    await rm(parts[0]!.archivePath)
    await rm(parts[0]!.recordPath)
    const missing = await runCommand(store.directory, 'verify')
    expect(missing).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`MISSING PART project-6/${nameOf(snapshot)}`),
    })
  })
})

const nameOf = ({ record }: StoredArchive) => record.archive.fileName

describe('a snapshot', () => {
  test('is listed, shown, compared, extracted from and verified like an archive', async () => {
    const { store, directory, snapshot, out } = await storeOne()
    const { fileName } = snapshot.record.archive
    expect((await runCommand(directory, 'list')).stdout).toMatch(/project-6 +2026-11-22 21:00:00 snapshot +complete/)
    const shown = (await runCommand(directory, 'show', 'project-6')).stdout
    expect(shown).toMatch(/snapshot {2}\d+\.\d kB {2}good/)
    expect(shown).toContain('parts     4 archives of tasks, 4 of them made in the day before it')
    const whole = await storeFile(store, {
      entity: project6,
      bytes: 'kinds/composed_project_cvats_own.zip',
      observation: observe(4, 4, 4, 20),
    })
    const words = ['diff', whole.archivePath, snapshot.archivePath]
    expect(await runCommand(directory, ...words)).toMatchObject({ code: 0, stderr: '' })
    expect(await runCommand(directory, 'extract', fileName, '--task', '102', '-o', out)).toMatchObject({ code: 0 })
    expect(await listMembers(out)).toEqual(await listMembers(join(fixtures, 'kinds/composed_task_1.zip')))
    expect(await runCommand(directory, 'verify', '--all')).toMatchObject({ code: 0 })
    const index = await runCommand(directory, 'index')
    expect(index).toMatchObject({ code: 0 })
  })

  test('is restored without a copy of it, and its bytes are checked before', async () => {
    const { store, snapshot } = await storeOne()
    const fixture = await openRestoreFixture({}, { store })
    const { differences, notes } = await fixture.restore(snapshot)
    expect({ differences, notes }).toEqual({ differences: [], notes: [] })
    expect(fixture.target.world.tasks.size).toBe(4)
    const [task] = (await store.listRecords({ type: 'task', id: 103 })).archives
    await flipByte(task!.archivePath, await findPicture(task!.archivePath))
    await expect(fixture.restore(snapshot, { restoreId: 'again' })).rejects.toMatchObject({ code: 'bit-rot' })
    expect(fixture.target.world.projects.size).toBe(1)
  })
})

/** A byte in the middle of a picture, which nobody reads before the whole archive is checked. */
async function findPicture(path: string): Promise<number> {
  await using source = await openSourceArchive(path)
  for await (const { name, entry, sizeBytes } of source.members(source.folders.get(''))) {
    const start = entry.relativeOffsetOfLocalHeader + 30 + Buffer.byteLength(name)
    if (/^data\/.*\.(png|jpe?g)$/.test(name)) return start + Math.floor(sizeBytes / 2)
  }
  throw new Error(`no picture in ${path}`)
}
