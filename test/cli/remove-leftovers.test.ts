import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { removeLeftovers } from '../../cli/remove-leftovers.ts'
import { openTestStore, project6, storeArchive } from '../shared/store/store-fixture.ts'
import { newPrefix, useRedis } from '../support/redis-server.ts'

const redis = useRedis()

async function openLeftovers() {
  const store = await openTestStore()
  const partialFolder = join(store.directory, '.cvat-backups/partial')
  return { store, partialFolder, connection: await redis.connect(newPrefix()) }
}

test('a commit that was interrupted is finished before what it needs is removed', async () => {
  const { store, partialFolder, connection } = await openLeftovers()
  const { archivePath } = await storeArchive(store, { backupId: 'dead.project-6.backup' })
  await rename(archivePath, join(partialFolder, 'dead.project-6.backup.0123456789ab.part'))
  await removeLeftovers(store.directory, connection)
  expect((await store.listRecords(project6)).archives.map((archive) => archive.archivePath)).toEqual([archivePath])
  expect(await readdir(partialFolder)).toEqual([])
})

test('downloads that nobody goes on with go, those under way stay', async () => {
  const { store, partialFolder, connection } = await openLeftovers()
  const series = 'project-7.backup'
  const alive = { series, backupId: `alive.${series}`, runId: 'alive', queue: 'downloads', jobId: 'x' }
  await openClaims(connection).hold(alive)
  for (const id of [`dead.${series}`, alive.backupId, 'adopt-0123']) await (await store.createPartial(id)).finish()
  expect(await removeLeftovers(store.directory, connection)).toBe(2)
  expect(await readdir(partialFolder)).toEqual([expect.stringContaining(alive.backupId)])
})

test("downloads of another installation's run stay until nobody can be at them any more", async () => {
  const { store, partialFolder, connection } = await openLeftovers()
  const foreign = '20261122T203444Z-p-1a2b3c.project-7.backup'
  const own = '20261122T203444Z-p-4d5e6f.project-7.backup'
  const run = { runId: own.split('.')[0]!, jobId: 'x', mode: 'p', full: false, trigger: 'command' } as const
  await openRunLedger(connection).open(run)
  for (const id of [foreign, own]) await (await store.createPartial(id)).finish()
  await removeLeftovers(store.directory, connection, new Date('2026-11-28T00:00:00Z'))
  expect(await readdir(partialFolder)).toEqual([expect.stringContaining(foreign)])
  await removeLeftovers(store.directory, connection, new Date('2026-11-30T00:00:00Z'))
  expect(await readdir(partialFolder)).toEqual([])
})
