import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTestStore, project6, serverUrl, storeArchive } from './store-fixture.ts'

async function findMarkers(directory: string): Promise<string[]> {
  const folder = join(directory, 'project-6')
  return (await readdir(folder)).filter((name) => name.startsWith('deleted')).map((name) => join(folder, name))
}

describe('the marker of a deleted entity', () => {
  test('tells since when its server does not have it, in a small JSON file in its folder', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    expect(await store.readDeletedMarker(project6, serverUrl)).toBeUndefined()
    await store.writeDeletedMarker(project6, `${serverUrl}/`)
    const [path, ...others] = await findMarkers(store.directory)
    expect(others).toEqual([])
    expect(path).toMatch(/deleted-[0-9a-f]{8}\.json$/)
    expect(JSON.parse(await readFile(path!, 'utf8'))).toEqual({
      formatVersion: 1,
      type: 'deleted',
      since: '2026-11-22T21:00:00.000Z',
      server: { url: serverUrl },
    })
    expect(await store.readDeletedMarker(project6, serverUrl)).toMatchObject({ since: '2026-11-22T21:00:00.000Z' })
  })

  test('is one for each server, and goes without a trace', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    await store.writeDeletedMarker(project6, serverUrl)
    await store.writeDeletedMarker(project6, 'https://other.example.org')
    expect(await findMarkers(store.directory)).toHaveLength(2)
    await store.removeDeletedMarker(project6, serverUrl)
    await store.removeDeletedMarker(project6, serverUrl)
    expect(await store.readDeletedMarker(project6, serverUrl)).toBeUndefined()
    expect(await store.readDeletedMarker(project6, 'https://other.example.org')).toBeDefined()
    expect(await readdir(join(store.directory, '.cvat-backups', 'partial'))).toEqual([])
  })

  test('is no stranger in the folder and no archive', async () => {
    const store = await openTestStore()
    const { record } = await storeArchive(store)
    await store.writeDeletedMarker(project6, serverUrl)
    const { archives, unrecognised } = await store.listRecords(project6)
    expect(unrecognised).toEqual([])
    expect(archives.map((archive) => archive.record)).toEqual([record])
    expect(await store.recover({ isActive: () => false })).toMatchObject({ removed: [], finished: [] })
    expect(await findMarkers(store.directory)).toHaveLength(1)
  })

  test.each(['', '{"formatVersion":1,"type":"dele', '[]', '{"formatVersion":1,"type":"deleted","since":"yesterday"}'])(
    'that holds %j counts as none, and is written anew',
    async (text) => {
      const store = await openTestStore()
      await storeArchive(store)
      await store.writeDeletedMarker(project6, serverUrl)
      const [path] = await findMarkers(store.directory)
      await writeFile(path!, text)
      expect(await store.readDeletedMarker(project6, serverUrl)).toBeUndefined()
      await store.writeDeletedMarker(project6, serverUrl)
      expect(await store.readDeletedMarker(project6, serverUrl)).toBeDefined()
    },
  )

  test('that speaks of another server, as after copying by hand, counts as none', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    await store.writeDeletedMarker(project6, serverUrl)
    const [path] = await findMarkers(store.directory)
    const text = await readFile(path!, 'utf8')
    await writeFile(path!, text.replace(serverUrl, 'https://other.example.org'))
    expect(await store.readDeletedMarker(project6, serverUrl)).toBeUndefined()
  })

  test('is not written where the directory is gone', async () => {
    const store = await openTestStore()
    await expect(store.writeDeletedMarker(project6, serverUrl)).rejects.toMatchObject({ retryable: true })
  })

  test('may be asked for of a server whose address is none', async () => {
    const store = await openTestStore()
    expect(await store.readDeletedMarker(project6, 'the old one')).toBeUndefined()
  })
})
