import { mkdir, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { editRecord, flipByte } from '../shared/store/damage.ts'
import { openTestStore, project6, storeArchive } from '../shared/store/store-fixture.ts'
import { makeTemporaryFolder } from '../shared/store/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { runCommand, startCommand } from './run-command.ts'

/** Archives that were checked on the first, the second, … of a month long ago. */
async function storeSome(number: number): Promise<{ store: Store; archives: StoredArchive[] }> {
  const store = await openTestStore()
  const archives: StoredArchive[] = []
  for (let index = 0; index < number; index++) {
    const archive = await storeArchive(store, { backupId: `b${index}`, seed: `${index}` })
    const checkedAt = new Date(Date.UTC(2020, 0, index + 1)).toISOString()
    await editRecord(archive.recordPath, { verification: { checkedAt } })
    archives.push(archive)
  }
  return { store, archives }
}

async function readCheckedAt(archive: StoredArchive): Promise<string> {
  return JSON.parse(await readFile(archive.recordPath, 'utf8')).verification.checkedAt
}

describe('cvat-backups verify', () => {
  test('ends with 0 when all is intact, and has nothing to do right afterwards', async () => {
    const { store } = await storeSome(3)
    const first = await runCommand(store.directory, 'verify')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('3 of 3 archives are due')
    expect(first.stdout).toContain('3 intact')
    expect((await runCommand(store.directory, 'verify')).stdout).toContain('0 of 3 archives are due')
    expect((await runCommand(store.directory, 'verify', '--all')).stdout).toContain('3 of 3 archives are due')
  })

  test('names what is damaged and ends with 1; list shows it, and --json holds nothing but JSON', async () => {
    const { store, archives } = await storeSome(3)
    await flipByte(archives[1]!.archivePath, 100)
    await rm(archives[2]!.recordPath)
    const found = await runCommand(store.directory, 'verify', '--json')
    expect(found).toMatchObject({ code: 1, stderr: '' })
    const path = (file: string) => join('project-6', basename(file))
    expect(JSON.parse(found.stdout)).toEqual({
      level: 'complete',
      checkedBefore: expect.any(String),
      findings: [
        {
          what: 'missing-record',
          entity: 'project-6',
          path: path(archives[2]!.archivePath),
          code: 'missing-record',
          message: expect.any(String),
        },
        {
          what: 'damaged',
          entity: 'project-6',
          path: path(archives[1]!.archivePath),
          code: 'bit-rot',
          message: expect.stringContaining('SHA-256'),
        },
      ],
      archives: 2,
      due: 2,
      dueBytes: expect.any(Number),
      checked: 2,
      checkedBytes: expect.any(Number),
      intact: 1,
      damaged: 1,
      failed: 1,
      damagedWorkflows: 0,
      interrupted: false,
      durationSeconds: expect.any(Number),
    })
    const text = await runCommand(store.directory, 'verify', 'project-6', '--level', 'whole')
    expect(text.code).toBe(1)
    expect(text.stdout).toContain(`DAMAGED ${path(archives[1]!.archivePath)}`)
    expect(text.stdout).toContain(`NO RECORD ${path(archives[2]!.archivePath)}`)
    expect((await runCommand(store.directory, 'list')).stdout).toMatch(/DAMAGED/)
    expect(await readdir(join(store.directory, 'project-6'))).toContain(basename(archives[1]!.archivePath))
  })

  test('interrupted by Ctrl-C ends with 130, and the same command goes on where it stopped', async () => {
    const { store, archives } = await storeSome(40)
    // Nothing but a hole, so large that the signal comes while it is being read.
    const { archivePath, recordPath, record } = archives[20]!
    const sizeBytes = 8 * 1024 ** 3
    await truncate(archivePath, sizeBytes)
    await editRecord(recordPath, { archive: { ...record.archive, sizeBytes } })
    const before = await readFile(recordPath, 'utf8')
    const command = startCommand(store.directory, 'verify', '--json')
    await waitFor('the twentieth to be checked', async () => (await readCheckedAt(archives[19]!)) > '2021')
    command.child.kill('SIGINT')
    const { code, stdout } = await command.finished
    const first = JSON.parse(stdout)
    expect({ code, interrupted: first.interrupted, checked: first.checked }).toEqual({
      code: 130,
      interrupted: true,
      checked: 20,
    })
    expect(await readFile(recordPath, 'utf8')).toBe(before)
    await truncate(archivePath, 1)
    const second = JSON.parse((await runCommand(store.directory, 'verify', '--json')).stdout)
    expect({ due: second.due, checked: second.checked }).toEqual({ due: 20, checked: 20 })
    expect([...first.findings, ...second.findings]).toHaveLength(1)
  })

  test('of a folder that is not there, or of no store at all, is no success', async () => {
    const { store } = await storeSome(1)
    const unknown = await runCommand(store.directory, 'verify', 'project-7')
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no archives of project-7') })
    const directory = await makeTemporaryFolder()
    const lost = await runCommand(directory, 'verify')
    expect(lost.code).toBe(1)
    expect(lost.stderr).toContain('mounted')
    expect(await readdir(directory)).toEqual([])
  })

  test('of a store without archives is fine and says so', async () => {
    const directory = await makeTemporaryFolder()
    await mkdir(join(directory, '.cvat-backups'))
    expect(await runCommand(directory, 'verify')).toMatchObject({
      code: 0,
      stdout: `There are no archives in ${directory}\n`,
    })
  })

  test.each([[['--level', 'fresh']], [['--since', 'then']], [['alpha']]])('with %j ends with 2', async (args) => {
    const { store } = await storeSome(1)
    const { code, stdout } = await runCommand(store.directory, 'verify', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect((await store.listRecords(project6)).archives[0]!.record.verification.checkedAt).toMatch(/^2020/)
  })
})
