import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from '#shared/store/open-store.ts'
import { editRecord } from './damage.ts'
import { interfere, systemError } from './interfere.ts'
import { now, openTestStore, serverUrl, storeArchive } from './store-fixture.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const never = new AbortController().signal

async function readLines(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('the catalogue', () => {
  test('has a line for each archive, with all that finds it again, between a head and its numbers', async () => {
    const store = await openTestStore()
    const good = await storeArchive(store, { name: 'Crossing "A"\n' })
    const bad = await storeArchive(store, { entity: { type: 'project', id: 7 }, backupId: 'b', isGood: false })
    await writeFile(join(store.directory, 'project-7', 'foreign.txt'), '')
    const totals = await store.writeCatalogue(never)
    const sizeBytes = good.record.archive.sizeBytes + bad.record.archive.sizeBytes
    expect(totals).toEqual({ path: expect.any(String), entities: 2, archives: 2, sizeBytes, unread: 0 })
    const [head, ...lines] = await readLines(totals.path)
    expect(head).toEqual({ type: 'catalogue', formatVersion: 1, writtenAt: now.toISOString() })
    expect(lines.pop()).toEqual({ type: 'end', entities: 2, archives: 2, sizeBytes, unread: 0 })
    expect(lines.find(({ entity }) => entity === 'project-6')).toEqual({
      type: 'archive',
      entity: 'project-6',
      name: 'Crossing "A"\n',
      organization: null,
      server: serverUrl,
      content: { kind: 'backup' },
      createdAt: good.record.createdAt,
      good: true,
      drilledAt: null,
      restored: null,
      level: 'complete',
      checkedAt: now.toISOString(),
      problems: [],
      warnings: [],
      sizeBytes: good.record.archive.sizeBytes,
      contentBytes: good.record.archive.sizeBytes,
      snapshot: false,
      mediaFrom: null,
      sha256: good.record.archive.sha256,
      path: `project-6/${basename(good.archivePath)}`,
    })
    expect(lines.find(({ entity }) => entity === 'project-7')).toMatchObject({
      good: false,
      problems: ['missing-task'],
    })
  })

  test('is rebuilt from the folders alone and never believed', async () => {
    const store = await openTestStore()
    const archive = await storeArchive(store)
    const { path } = await store.writeCatalogue(never)
    const before = await store.listSeries({ type: 'project', id: 6 })
    await writeFile(path, '{"type":"archive","entity":"project-99"}\ntorn')
    expect(await store.listSeries({ type: 'project', id: 6 })).toEqual(before)
    expect(await Array.fromAsync(store.listEntities())).toEqual([{ type: 'project', id: 6 }])
    await editRecord(archive.recordPath, { verification: { problems: [{ code: 'bit-rot', message: 'm' }] } })
    await store.writeCatalogue(never)
    expect((await readLines(path))[1]).toMatchObject({ entity: 'project-6', good: false, problems: ['bit-rot'] })
  })

  test('that cannot be written leaves the old one', async () => {
    const store = await openTestStore()
    const { path } = await store.writeCatalogue(never)
    const before = await readFile(path)
    await storeArchive(store)
    for (const failing of ['handle.writeFile', 'handle.sync', 'rename']) {
      const files = interfere(({ name, path: at }) => {
        if (name === failing && at.includes('catalogue')) throw systemError('ENOSPC')
      })
      const full = openStore({ directory: store.directory, files })
      await expect(full.writeCatalogue(never)).rejects.toMatchObject({ code: 'disk-full' })
    }
    const stopped = AbortSignal.abort(new Error('stop'))
    await expect(store.writeCatalogue(stopped)).rejects.toThrow('stop')
    expect(await readFile(path)).toEqual(before)
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('says which folders could not be read', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    const files = interfere(({ name, path }) => {
      if (name === 'readdir' && path.endsWith('project-6')) throw systemError('EIO')
    })
    const { path, unread } = await openStore({ directory: store.directory, files }).writeCatalogue(never)
    expect(unread).toBe(1)
    expect((await readLines(path))[1]).toMatchObject({ type: 'unreadable-folder', entity: 'project-6' })
  })

  test('is not written where there is no store: a lost mount gets no empty one', async () => {
    const directory = await makeTemporaryFolder()
    const lost = { code: 'directory-missing' }
    await expect(openStore({ directory }).writeCatalogue(never)).rejects.toMatchObject(lost)
    expect(await readdir(directory)).toEqual([])
  })
})
