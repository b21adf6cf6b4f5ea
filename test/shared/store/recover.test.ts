import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { now, openTestStore, project6, storeArchive } from './store-fixture.ts'

const hours = (count: number) => count * 3_600_000

/** As after a crash between record and archive: the bytes are still in the partial folder. */
async function interrupt(store: Store, bytes?: string) {
  const stored = await storeArchive(store, { backupId: 'interrupted' })
  const partialPath = join(store.directory, '.cvat-backups/partial/interrupted.0123456789ab.part')
  await rename(stored.archivePath, partialPath)
  if (bytes !== undefined) await writeFile(partialPath, bytes)
  return { ...stored, partialPath }
}

describe('recovery', () => {
  test('finishes an interrupted commit with exactly the bytes that the record is about', async () => {
    const store = await openTestStore()
    const { archivePath } = await interrupt(store)
    const recovery = await store.recoverEntity(project6, { isActive: () => false })
    expect(recovery).toEqual({ finished: [archivePath], removed: [], waiting: [] })
    expect((await store.listRecords(project6)).archives).toHaveLength(1)
  })

  test('never takes other bytes, even of the same length', async () => {
    const store = await openTestStore()
    const size = (await storeArchive(store, { backupId: 'interrupted' })).record.archive.sizeBytes
    const { recordPath } = await interrupt(store, 'x'.repeat(size))
    const recovery = await store.recover({ isActive: () => false, graceMs: 0 })
    expect(recovery).toEqual({ finished: [], removed: [recordPath], waiting: [], removedPartials: 1 })
  })

  test('leaves a commit alone that somebody may still be at', async () => {
    const store = await openTestStore()
    const { partialPath, recordPath } = await interrupt(store)
    const recovery = await store.recover({ isActive: (backupId) => backupId === 'interrupted', graceMs: 0 })
    expect(recovery).toEqual({ finished: [], removed: [], waiting: ['interrupted'], removedPartials: 0 })
    await readFile(partialPath)
    await readFile(recordPath)
  })

  test('waits a day before it removes a record whose archive may still be on its way through a slow mount', async () => {
    const store = await openTestStore()
    const { archivePath, recordPath } = await storeArchive(store)
    await rm(archivePath)
    expect(await store.recover({ isActive: () => false })).toMatchObject({ removed: [] })
    const tomorrow = openStore({ directory: store.directory, now: () => new Date(now.getTime() + hours(25)) })
    expect(await tomorrow.recover({ isActive: () => false })).toMatchObject({ removed: [recordPath] })
    expect(await readdir(dirname(recordPath))).toEqual([])
  })

  test('keeps the partial file of a record that waits', async () => {
    const store = await openTestStore()
    await interrupt(store, 'not yet whole')
    const recovery = await store.recover({ isActive: () => false })
    expect(recovery).toMatchObject({ waiting: ['interrupted'], removedPartials: 0 })
  })

  test('removes nothing of a healthy store', async () => {
    const store = await openTestStore()
    const { archivePath, recordPath } = await storeArchive(store)
    const recovery = await store.recover({ isActive: () => false, graceMs: 0 })
    expect(recovery).toEqual({ finished: [], removed: [], waiting: [], removedPartials: 0 })
    expect((await readdir(dirname(archivePath))).toSorted()).toEqual([basename(recordPath), basename(archivePath)])
  })

  test('stops when it is told to', async () => {
    const store = await openTestStore()
    await interrupt(store)
    const signal = AbortSignal.abort(new Error('stop now'))
    await expect(store.recover({ isActive: () => false, signal })).rejects.toThrow('stop now')
  })
})
