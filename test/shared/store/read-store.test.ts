import { mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatEntity } from '#shared/model/entity.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore } from '#shared/store/open-store.ts'
import { backupOfProject6, openTestStore, project6, serverUrl, storeArchive } from './store-fixture.ts'

const annotations = { kind: 'annotations', format: 'CVAT for images 1.1', saveImages: false } as const

describe('reading an entity', () => {
  test('gives its archives newest first, within one second too', async () => {
    const store = await openTestStore()
    const dates = ['2026-11-20T00:00:00.000Z', '2026-11-22T00:00:00.900Z', '2026-11-22T00:00:00.100Z']
    for (const createdAt of dates) await storeArchive(store, { createdAt, backupId: createdAt.replaceAll(':', '') })
    const { archives } = await store.listRecords(project6)
    expect(archives.map(({ record }) => record.createdAt)).toEqual([dates[1], dates[2], dates[0]])
  })

  test('of which nothing is stored gives nothing', async () => {
    const store = await openTestStore()
    expect(await store.listRecords(project6)).toEqual({
      archives: [],
      unrecognised: [],
      hasMarkers: false,
      hasWorkflows: false,
    })
  })

  test('behind a lost mount is an error, not an empty answer', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    await rm(store.directory, { recursive: true })
    const lost = { code: 'directory-missing', retryable: true }
    await expect(store.listRecords(project6)).rejects.toMatchObject(lost)
    await expect(store.newestGood(backupOfProject6, serverUrl)).rejects.toMatchObject(lost)
    await expect(store.listEntities().next()).rejects.toMatchObject(lost)
  })

  test('reports what it does not recognise and touches none of it', async () => {
    const store = await openTestStore()
    const paths: string[] = []
    for (const backupId of ['a', 'b', 'c', 'd', 'e', 'f']) {
      paths.push((await storeArchive(store, { backupId, seed: backupId })).archivePath)
    }
    const folder = dirname(paths[0]!)
    const record = (index: number) => paths[index]!.replace('.zip', '.json')
    await truncate(paths[1]!, 10)
    await rm(paths[2]!)
    await rm(record(3))
    await writeFile(record(4), '{"formatVersion":1,"type":"arch')
    await changeRecord(record(5), { formatVersion: 3 })
    await writeFile(join(folder, 'notes.txt'), 'mine')
    await mkdir(join(folder, basename(paths[0]!).replace('alpha', 'folder')))
    await symlink('/etc/passwd', join(folder, basename(paths[0]!).replace('alpha', 'link')))
    const before = await readdir(folder)

    const { archives, unrecognised } = await store.listRecords(project6)
    expect(archives.map(({ archivePath }) => archivePath)).toEqual([paths[0]])
    const reasons = Object.fromEntries(unrecognised.map(({ path, reason }) => [basename(path), reason]))
    expect(reasons).toEqual({
      [basename(paths[1]!)]: 'size-differs',
      [basename(record(2))]: 'record-without-archive',
      [basename(paths[3]!)]: 'archive-without-record',
      [basename(record(4))]: 'broken-record',
      [basename(record(5))]: 'unknown-record',
      'notes.txt': 'foreign',
      [basename(paths[0]!).replace('alpha', 'folder')]: 'foreign',
      [basename(paths[0]!).replace('alpha', 'link')]: 'foreign',
    })

    await store.recover({ isActive: () => false })
    expect(await readdir(folder)).toEqual(before)
  })

  test('leaves a later kind of record to whoever knows it', async () => {
    const store = await openTestStore()
    const { recordPath, archivePath } = await storeArchive(store)
    await changeRecord(recordPath, { type: 'later-kind' })
    await rm(archivePath)
    expect(await store.listRecords(project6)).toMatchObject({
      archives: [],
      unrecognised: [{ path: recordPath, reason: 'unknown-record' }],
    })
    await store.recover({ isActive: () => false, graceMs: 0 })
    expect(await readFile(recordPath, 'utf8')).toContain('later-kind')
  })

  test('accepts records with fields of a later version', async () => {
    const store = await openTestStore()
    const { recordPath } = await storeArchive(store)
    await changeRecord(recordPath, { later: { field: 1 } })
    const { archives } = await store.listRecords(project6)
    expect(archives[0]?.record).toMatchObject({ later: { field: 1 } })
  })

  test.each([
    ['of another entity', { series: { entity: { type: 'project', id: 7 }, content: { kind: 'backup' } } }],
    ['of another content', { series: { entity: project6, content: annotations } }],
    ['of another file', { archive: { fileName: 'x.zip' } }],
    ['of other bytes', { archive: { sha256: '0'.repeat(64) } }],
    ['of another time', { createdAt: '2020-01-01T00:00:00.000Z' }],
  ])('does not believe a record %s', async (_, change) => {
    const store = await openTestStore()
    const { recordPath } = await storeArchive(store)
    await changeRecord(recordPath, change)
    const { archives, unrecognised } = await store.listRecords(project6)
    expect(archives).toEqual([])
    expect(unrecognised).toContainEqual({ path: recordPath, reason: 'broken-record' })
  })

  test('finds archives on a file system that lists names decomposed', async () => {
    const store = await openTestStore()
    const { archivePath, recordPath } = await storeArchive(store, { name: 'Röntgen é' })
    for (const path of [archivePath, recordPath]) {
      const listed = join(dirname(path), basename(path).normalize('NFD'))
      expect(listed).not.toBe(path)
      await rename(path, listed)
    }
    const [archive] = (await store.listRecords(project6)).archives
    await store.removeArchive(archive!)
    expect(await readdir(dirname(archivePath))).toEqual([])
  })
})

describe('series', () => {
  test('of different servers are different', async () => {
    const store = await openTestStore()
    await storeArchive(store, { backupId: 'a' })
    await storeArchive(store, { backupId: 'b', seed: 'b', serverUrl: 'https://cvat.example.org/base/' })
    await storeArchive(store, { backupId: 'c', seed: 'c', serverUrl: 'HTTPS://user:secret@CVAT.example.org:443/?x#y' })
    await storeArchive(store, { backupId: 'd', seed: 'd', content: annotations })
    const { series } = await store.listSeries(project6)
    const found = series.map((one) => [one.serverUrl, one.series.content.kind, one.archives.length])
    expect(found.toSorted()).toEqual([
      ['https://cvat.example.org', 'annotations', 1],
      ['https://cvat.example.org', 'backup', 2],
      ['https://cvat.example.org/base', 'backup', 1],
    ])
  })

  test('the newest good archive is of this series, this server and without problems', async () => {
    const store = await openTestStore()
    const wanted = await storeArchive(store, { backupId: 'a', createdAt: '2026-11-20T00:00:00Z' })
    await storeArchive(store, { backupId: 'b', createdAt: '2026-11-19T00:00:00Z' })
    await storeArchive(store, { backupId: 'c', createdAt: '2026-11-21T00:00:00Z', isGood: false })
    await storeArchive(store, { backupId: 'd', createdAt: '2026-11-21T00:00:00Z', content: annotations })
    await storeArchive(store, { backupId: 'e', createdAt: '2026-11-21T00:00:00Z', serverUrl: 'https://other' })
    const found = await store.newestGood(backupOfProject6, `${serverUrl}/`)
    expect(found?.archivePath).toBe(wanted.archivePath)
    expect(await store.newestGood(backupOfProject6, 'https://third')).toBeUndefined()
  })
})

describe('finding by backup', () => {
  test('gives the archive that an earlier run stored, the good one first', async () => {
    const store = await openTestStore()
    await storeArchive(store, { backupId: 'a', isGood: false })
    const good = await storeArchive(store, { backupId: 'a', seed: 'other', createdAt: '2026-11-20T00:00:00Z' })
    expect((await store.findByBackupId(project6, 'a'))?.archivePath).toBe(good.archivePath)
    expect(await store.findByBackupId(project6, 'b')).toBeUndefined()
  })
})

describe('removing', () => {
  test('takes archive and record, and is harmless the second time', async () => {
    const store = await openTestStore()
    const stored = await storeArchive(store)
    await store.removeArchive(stored)
    await store.removeArchive(stored)
    expect(await readdir(dirname(stored.archivePath))).toEqual([])
  })

  test('refuses what lies outside the store', async () => {
    const store = await openTestStore()
    const stored = await storeArchive(store)
    const other = { ...stored, archivePath: join(store.directory, 'precious.zip') }
    await expect(store.removeArchive(other)).rejects.toThrow(TypeError)
  })
})

describe('entities', () => {
  test('are the folders that are named like one, and nothing else', async () => {
    const store = await openTestStore()
    for (const name of ['project-1', 'task-17', 'project-007', 'project-6 (copy)', 'lost+found', 'Project-2']) {
      await mkdir(join(store.directory, name))
    }
    await writeFile(join(store.directory, 'project-9'), 'a file')
    const found: string[] = []
    for await (const entity of store.listEntities()) found.push(formatEntity(entity))
    expect(found.toSorted()).toEqual(['project-1', 'task-17'])
  })

  test('are read as they are asked for: five thousand take no more memory than one', async () => {
    const { directory } = await openTestStore()
    for (let id = 1; id <= 5000; id++) await mkdir(join(directory, `project-${id}`))
    let drawn = 0
    const files: FileOperations = {
      ...realFiles,
      readdir: () => expect.unreachable('readdir holds the whole folder'),
      async opendir(path, options) {
        const folder = await realFiles.opendir(path, options)
        const entries = async function* () {
          for await (const entry of folder) {
            drawn += 1
            yield entry
          }
        }
        return Object.assign(Object.create(folder), { [Symbol.asyncIterator]: entries })
      },
    }
    const store = openStore({ directory, files })
    const entities = store.listEntities()
    await entities.next()
    expect(drawn).toBeLessThanOrEqual(2)
    let count = 1
    for await (const { type } of entities) count += type === 'project' ? 1 : 0
    expect(count).toBe(5000)
  })
})

/** Changes fields of a record, those of objects inside one by one. */
async function changeRecord(path: string, change: Record<string, unknown>): Promise<void> {
  const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  for (const [key, value] of Object.entries(change)) {
    record[key] = typeof value === 'object' ? { ...(record[key] as object), ...value } : value
  }
  await writeFile(path, JSON.stringify(record))
}
