import { rename, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { collectHistory } from '#shared/retention/collect-history.ts'
import { sweepAll } from '#shared/retention/sweep-all.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { storeTask } from '../store/snapshot-fixture.ts'
import { openTestStore } from '../store/store-fixture.ts'

const task17 = { type: 'task', id: 17 } as const
const rules = { ttlMs: 0, minBackups: 1 }
const now = new Date('2026-12-01T00:00:00.000Z')
const plan = (day: number, media = 'cats') => ({
  id: 17,
  createdAt: `2026-11-${String(day).padStart(2, '0')}T10:00:00.000Z`,
  media,
  mediaOnce: true,
})

async function sweep(store: Store, dryRun: boolean): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const options = { rules, now, dryRun, isIncremental: true, isActive: () => false }
  const totals = await sweepAll(
    store,
    { ...options, signal: new AbortController().signal },
    {
      onDecision({ archive, action, reasons }) {
        found[archive.record.archive.fileName] = `${action}: ${reasons.join('; ')}`
      },
    },
  )
  expect(totals.failures).toEqual([])
  return found
}

const nameOf = ({ record }: StoredArchive) => record.archive.fileName

async function present(store: Store): Promise<string[]> {
  return (await store.listRecords(task17)).archives.map(nameOf)
}

test('an archive stays as long as a kept one takes its media from it, and goes with the last of these', async () => {
  const store = await openTestStore()
  const [whole, first, second] = [
    await storeTask(store, plan(1)),
    await storeTask(store, plan(2)),
    await storeTask(store, plan(3)),
  ]
  const wanted = {
    [nameOf(second)]: 'keep: newest good archive of its series',
    [nameOf(first)]: expect.stringMatching(/^remove: made for snapshots/),
    [nameOf(whole)]: 'keep: a kept archive takes its media from it',
  }
  expect(await sweep(store, true)).toEqual(wanted)
  const { servers } = await collectHistory(task17, store, rules, now, true)
  expect(servers[0]!.archives.map(({ action }) => action)).toEqual(['keep', 'remove', 'keep'])
  expect(servers[0]!.archives.map(({ keptUntil }) => keptUntil)).toEqual([undefined, undefined, undefined])
  expect(await sweep(store, false)).toEqual(wanted)
  expect(await present(store)).toEqual([nameOf(second), nameOf(whole)])
  const other = await storeTask(store, plan(20, 'dogs'))
  await sweep(store, false)
  expect(await present(store)).toEqual([nameOf(other)])
})

test('a sweep that is broken off anywhere leaves none without its media', async () => {
  for (let allowed = 0; allowed < 5; allowed++) {
    const store = await openTestStore()
    for (const day of [1, 2, 3]) await storeTask(store, plan(day))
    await storeTask(store, plan(20, 'dogs'))
    let left = allowed
    const unlink: FileOperations['unlink'] = async (path) => {
      if (left-- <= 0) throw Object.assign(new Error('EIO'), { code: 'EIO', errno: -5, syscall: 'unlink' })
      await realFiles.unlink(path)
    }
    const dying = openStore({ directory: store.directory, files: { ...realFiles, unlink } })
    const options = { rules, now, dryRun: false, isIncremental: true, isActive: () => false }
    const totals = await sweepAll(dying, { ...options, signal: new AbortController().signal })
    expect(totals.failures).toHaveLength(1)
    for (const archive of (await store.listRecords(task17)).archives)
      expect(await store.checkMedia(archive)).toEqual([])
  }
})

test('what a crash has left, and what cannot be read, keeps the archives that it may take media from', async () => {
  const store = await openTestStore()
  const whole = await storeTask(store, plan(1))
  const thin = await storeTask(store, plan(2))
  await storeTask(store, plan(20, 'dogs'))
  // A commit that recovery may finish: the record alone.
  await rename(thin.archivePath, `${thin.archivePath}.away`)
  expect((await sweep(store, true))[nameOf(whole)]).toBe('keep: a kept archive takes its media from it')
  await writeFile(thin.recordPath, '{ torn')
  expect((await sweep(store, true))[nameOf(whole)]).toBe(
    'keep: an archive that cannot be read may take its media from it',
  )
})
