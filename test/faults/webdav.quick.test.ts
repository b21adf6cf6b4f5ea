// A backup directory on a real network mount (rclone, WebDAV, FUSE), which refuses or fakes much of what a disk does.

import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { assertNothingLost } from './assert-nothing-lost.ts'
import { faultWorld, isIncremental, openInstallation } from './installation.ts'
import { mountWebdav } from './webdav-mount.ts'

/** With `TEST_STRATEGY=incremental` the tasks of the four projects have archives of their own. */
const PARTS = isIncremental ? 4 : 0
/**
 * Then archives of tasks that have ceased to be the newest stay for two days, should a snapshot under way be made of them: also
 * those of the two loose tasks, which might move into a project.
 */
const LOOSE = isIncremental ? 2 : 0

it('a backup directory on a WebDAV mount is written, skipped, swept and listed', { timeout: 300_000 }, async (test) => {
  const mount = await mountWebdav(test)
  const installation = await openInstallation({
    test,
    separate: false,
    world: faultWorld(6),
    backupDir: join(mount.path, 'backups'),
    env: { CVAT_BACKUP_TTL_HOURS: '0', CVAT_MIN_NUM_BACKUPS: '1' },
  })

  const first = await installation.backup()
  expect(first.summary).toMatchObject({ ok: true, done: 6 + PARTS })
  await assertNothingLost(installation, { summary: first.summary })

  expect((await installation.backup()).summary).toMatchObject({ ok: true, done: 0, skipped: 6 })

  const again = await installation.backup('--full')
  const found = await assertNothingLost(installation, { summary: again.summary })
  expect(found.archives, 'archives after the older ones were swept').toBe(6 + LOOSE)

  const list = installation.command('list')
  expect(await list.exited).toEqual({ code: 0, signal: null })
  expect(list.stdout()).toContain('project 1')

  await waitFor('the server to have what the mount shows', async () => {
    const records = await Array.fromAsync(glob(join(mount.served, 'backups/*/*.json')))
    for (const path of records) await assertStoredWhole(path)
    return records.length === 6 + LOOSE + 2 * PARTS
  })
})

async function assertStoredWhole(recordPath: string): Promise<void> {
  const { archive } = JSON.parse(await readFile(recordPath, 'utf8')) as { archive: { sha256: string } }
  const bytes = await readFile(recordPath.replace(/json$/, 'zip'))
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(archive.sha256)
}
