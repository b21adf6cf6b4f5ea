import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { now, openTestStore } from './store-fixture.ts'

describe('a partial file', () => {
  test('takes chunks one after another and tells its size', async () => {
    const store = await openTestStore()
    await using partial = await store.createPartial('run.1')
    await partial.write(Buffer.from('one '))
    await partial.write(Buffer.from('two'))
    expect(partial.sizeBytes).toBe(7)
    await partial.finish()
    expect(await readFile(partial.path, 'utf8')).toBe('one two')
  })

  test('is a new one for each attempt', async () => {
    const store = await openTestStore()
    const partials = await Promise.all(Array.from({ length: 20 }, () => store.createPartial('run.1')))
    expect(new Set(partials.map(({ path }) => path)).size).toBe(20)
    for (const partial of partials) await partial.discard()
    expect(await listNames(store.directory)).toEqual([])
  })

  test.each(['../escape', 'a/b', 'a\0', '', 'x'.repeat(200)])('refuses the id %j', async (backupId) => {
    const store = await openTestStore()
    await expect(store.createPartial(backupId)).rejects.toThrow(TypeError)
  })
})

describe('cleaning up', () => {
  test("discards one backup's files and no other's", async () => {
    const store = await openTestStore()
    await using first = await store.createPartial('run.1')
    await using second = await store.createPartial('run.1')
    await using other = await store.createPartial('run.10')
    expect(first.path).not.toBe(second.path)
    expect(await store.discardPartials('run.1')).toBe(2)
    expect(await listNames(store.directory)).toEqual([basename(other.path)])
  })

  test('removes the files of backups that are not active, old temporary files, and nothing foreign', async () => {
    const store = await openTestStore()
    await using active = await store.createPartial('active')
    await using stale = await store.createPartial('stale')
    const random = '0123456789ab'
    const kept = [
      basename(active.path),
      `active.${random}.record`,
      `probe.${now.getTime() - 60_000}-${random}.tmp`,
      'notes.txt',
      'stale.part',
      `stale.${random}.part.rclone`,
    ]
    const gone = [`stale.${random}.record`, `probe.${now.getTime() - 7_200_000}-${random}.tmp`]
    for (const name of [...kept.slice(1), ...gone]) {
      await writeFile(join(store.directory, '.cvat-backups/partial', name), 'x')
    }
    const removed = await store.removeStalePartials({ isActive: async (backupId) => backupId === 'active' })
    expect(removed).toBe(3)
    expect(await listNames(store.directory)).toEqual(kept.toSorted())
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).not.toContain(basename(stale.path))
  })
})

async function listNames(directory: string): Promise<string[]> {
  return (await readdir(join(directory, '.cvat-backups/partial'))).toSorted()
}
