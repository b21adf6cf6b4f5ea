import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openTestStore, project6, serverUrl, storeArchive } from '../shared/store/store-fixture.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../cli/main.ts')

/** Six nights of project 6, the last of them with problems. */
async function openNights() {
  const store = await openTestStore()
  for (const day of [1, 2, 3, 4, 5, 6]) {
    const backupId = `run-${day}.project-6.backup`
    await storeArchive(store, { createdAt: `2020-11-0${day}T00:00:00.000Z`, backupId, seed: backupId, isGood: day < 6 })
  }
  const sweep = async (args: string[], settings: Record<string, string> = {}) => {
    const env = { PATH: process.env.PATH, TZ: 'UTC', CVAT_BACKUP_DIR: store.directory, ...settings }
    const { stdout } = await run(process.execPath, [main, 'sweep', ...args], { cwd: store.directory, env })
    return stdout.trimEnd().split('\n')
  }
  const days = async () =>
    (await store.listRecords(project6)).archives.map(({ record }) => Number(record.createdAt.slice(8, 10)))
  return { store, sweep, days }
}

describe('sweep', () => {
  test('--dry-run tells each decision with all its reasons and removes nothing', async () => {
    const { sweep, days } = await openNights()
    const lines = await sweep(['--dry-run'], { CVAT_MIN_NUM_BACKUPS: '1', CVAT_BACKUP_KEEP_DAILY: '2' })
    const told = lines.map((line) => line.replace(/[\d.]+ h old/, 'N h old').replace(/-alpha-[0-9a-f]{8}/, ''))
    expect(told.slice(0, -1)).toEqual([
      'keep   project-6/20201106T000000Z-backup.zip: has problems, but nothing newer is there',
      'keep   project-6/20201105T000000Z-backup.zip: newest good archive of its series, minimum 1 of 1, daily 1 of 2',
      'keep   project-6/20201104T000000Z-backup.zip: daily 2 of 2',
      'remove project-6/20201103T000000Z-backup.zip: N h old, past the TTL of 24 h, 2 newer good archives',
      'remove project-6/20201102T000000Z-backup.zip: N h old, past the TTL of 24 h, 3 newer good archives',
      'remove project-6/20201101T000000Z-backup.zip: N h old, past the TTL of 24 h, 4 newer good archives',
    ])
    expect(told.at(-1)).toMatch(/^1 entities: 3 archives would be removed \(.* kB\), 3 kept$/)
    expect(await days()).toEqual([6, 5, 4, 3, 2, 1])
  })

  test('removes what a sweep that was killed has left, and a dry run does not', async () => {
    const { store, sweep } = await openNights()
    const oldest = (await store.listRecords(project6)).archives.at(-1)!
    await rm(oldest.archivePath)
    // A day later: until then its archive may be on its way through a slow mount.
    const record = JSON.parse(await readFile(oldest.recordPath, 'utf8'))
    record.verification.checkedAt = '2020-11-02T00:00:00.000Z'
    await writeFile(oldest.recordPath, JSON.stringify(record))
    await sweep(['--dry-run'])
    expect((await store.listRecords(project6)).unrecognised).toHaveLength(1)
    await sweep([])
    expect((await store.listRecords(project6)).unrecognised).toEqual([])
  })

  test('--json prints every decision as a line, the totals last, and removes', async () => {
    const { sweep, days } = await openNights()
    const lines = (await sweep(['--json'], { CVAT_MIN_NUM_BACKUPS: '2' })).map((line) => JSON.parse(line))
    expect(lines.map(({ type, action }) => action ?? type)).toEqual([
      'keep',
      'keep',
      'keep',
      'remove',
      'remove',
      'remove',
      'totals',
    ])
    expect(lines[1]).toEqual({
      type: 'decision',
      entity: 'project-6',
      content: 'backup',
      server: serverUrl,
      file: expect.stringMatching(/^20201105T000000Z-backup-alpha-[0-9a-f]{8}\.zip$/),
      createdAt: '2020-11-05T00:00:00.000Z',
      sizeBytes: expect.any(Number),
      good: true,
      action: 'keep',
      reasons: ['newest good archive of its series', 'minimum 1 of 2'],
    })
    expect(lines.at(-1)).toMatchObject({ dryRun: false, entities: 1, kept: 3, removed: 3, failed: 0 })
    expect(await days()).toEqual([6, 5, 4])
  })

  test('removes nothing of what was deleted on the server', async () => {
    const { store, sweep, days } = await openNights()
    await store.writeDeletedMarker(project6, serverUrl)
    await sweep([], { CVAT_MIN_NUM_BACKUPS: '1' })
    expect(await days()).toHaveLength(6)
  })
})
