import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { archiveRecordSchema, isGood } from '#shared/store/record.ts'
import { makeArchive, openTestStore, prepareCommit, project6, sha256, storeArchive } from './store-fixture.ts'

describe('committing an archive', () => {
  test('gives it a telling name and a record beside it', async () => {
    const store = await openTestStore()
    const stored = await storeArchive(store)
    const digest = sha256(makeArchive())
    const base = `20261122T203444Z-backup-alpha-${digest.slice(0, 8)}`
    expect(await readdir(join(store.directory, 'project-6'))).toEqual([`${base}.json`, `${base}.zip`])
    expect(sha256(await readFile(stored.archivePath))).toBe(digest)
    const record = archiveRecordSchema.parse(JSON.parse(await readFile(stored.recordPath, 'utf8')))
    expect(record).toEqual(stored.record)
    expect(record).toMatchObject({
      formatVersion: 1,
      type: 'archive',
      archive: { fileName: `${base}.zip`, sha256: digest, sizeBytes: makeArchive().length },
      server: { url: 'https://cvat.example.org', version: '2.64.1' },
      createdAt: '2026-11-22T20:34:44.500Z',
      members: { count: 7, perTask: [{ position: 0, taskId: 101, frames: 3, annotations: 1 }] },
      verification: { level: 'complete', checkedAt: '2026-11-22T21:00:00.000Z', problems: [], warnings: [] },
      origin: { runId: 'run-1', attempts: 1 },
    })
    expect(isGood(record)).toBe(true)
  })

  test('leaves nothing in the partial folder', async () => {
    const store = await openTestStore()
    await storeArchive(store)
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('keeps an incomplete archive, marked as not good', async () => {
    const store = await openTestStore()
    const { record } = await storeArchive(store, { isGood: false })
    expect(record.verification).toMatchObject({ level: 'sound', problems: [{ code: 'missing-task', taskId: 102 }] })
    expect(isGood(record)).toBe(false)
  })

  test('twice for one backup and one content is harmless', async () => {
    const store = await openTestStore()
    const first = await storeArchive(store)
    const second = await storeArchive(store)
    expect(first.wasThere).toBe(false)
    expect(second).toEqual({ ...first, wasThere: true })
    expect(await readdir(join(store.directory, 'project-6'))).toHaveLength(2)
    expect(await readdir(join(store.directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('replaces an incomplete archive of the same backup by no other than a better one', async () => {
    const store = await openTestStore()
    const bad = await storeArchive(store, { isGood: false })
    expect((await storeArchive(store, { isGood: false })).wasThere).toBe(true)
    const good = await storeArchive(store, { seed: 'better' })
    expect(good.wasThere).toBe(false)
    expect((await storeArchive(store, { isGood: false })).archivePath).toBe(good.archivePath)
    expect((await store.listRecords(project6)).archives.map(({ archivePath }) => archivePath).sort()).toEqual(
      [bad.archivePath, good.archivePath].sort(),
    )
  })

  test('of another backup with the same bytes in the same second takes another name', async () => {
    const store = await openTestStore()
    const first = await storeArchive(store, { backupId: 'one' })
    const second = await storeArchive(store, { backupId: 'two', serverUrl: 'https://other.example.org' })
    expect(second.archivePath).toBe(first.archivePath.replace('.zip', '-2.zip'))
    expect((await store.listRecords(project6)).archives).toHaveLength(2)
    expect((await store.listRecords(project6)).unrecognised).toEqual([])
  })

  test.each(['zip', 'json'])('never overwrites a foreign .%s of its name', async (extension) => {
    const store = await openTestStore()
    const { archivePath } = await storeArchive(store)
    const foreign = archivePath.replace(/zip$/, extension)
    await rm(dirname(archivePath), { recursive: true })
    await mkdir(dirname(archivePath))
    await writeFile(foreign, 'precious')
    const second = await storeArchive(store)
    expect(basename(second.archivePath)).toMatch(/-2\.zip$/)
    expect(await readFile(foreign, 'utf8')).toBe('precious')
  })

  test('takes over the record that a crashed commit of the same bytes left', async () => {
    const store = await openTestStore()
    const first = await storeArchive(store)
    await rm(first.archivePath)
    const second = await storeArchive(store)
    expect(second).toMatchObject({ archivePath: first.archivePath, wasThere: false })
    expect((await store.listRecords(project6)).unrecognised).toEqual([])
  })

  test('refuses a file that changed after its inspection', async () => {
    const store = await openTestStore()
    const input = await prepareCommit(store)
    await writeFile(input.partialPath, 'shorter')
    await expect(store.commitArchive(input)).rejects.toMatchObject({ code: 'partial-changed', retryable: true })
  })

  test('refuses a file that is not a partial file of the backup', async () => {
    const store = await openTestStore()
    const input = await prepareCommit(store)
    const origin = { ...input.origin, backupId: 'other' }
    await expect(store.commitArchive({ ...input, origin })).rejects.toThrow(TypeError)
    const outside = join(store.directory, basename(input.partialPath))
    await expect(store.commitArchive({ ...input, partialPath: outside })).rejects.toThrow(TypeError)
  })

  test('does not make the backup directory anew when its mount is lost', async () => {
    const store = await openTestStore()
    const input = await prepareCommit(store)
    await rm(store.directory, { recursive: true })
    await expect(store.commitArchive(input)).rejects.toMatchObject({ name: 'BackupError' })
    await expect(readdir(store.directory)).rejects.toThrow('ENOENT')
  })

  test('of a name made to escape stays in its folder', async () => {
    const store = await openTestStore()
    const { archivePath } = await storeArchive(store, { name: '../../../\u202e/etc/passwd\0.zip' })
    expect(dirname(archivePath)).toBe(join(store.directory, 'project-6'))
    expect((await store.listRecords(project6)).archives).toHaveLength(1)
  })

  test('many at once of one backup leaves one archive, whole', async () => {
    const store = await openTestStore()
    const inputs = await Promise.all(Array.from({ length: 8 }, () => prepareCommit(store)))
    await Promise.all(inputs.map((input) => store.commitArchive(input)))
    const { archives, unrecognised } = await store.listRecords(project6)
    expect(unrecognised).toEqual([])
    expect(archives.map(({ record }) => record.archive.sha256)).toContain(sha256(makeArchive()))
    for (const { archivePath, record } of archives) {
      expect(sha256(await readFile(archivePath))).toBe(record.archive.sha256)
    }
  })
})
