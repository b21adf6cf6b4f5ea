import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AdoptInput, openAdoptingStore, readSourceFile } from '#shared/store/adopt-archive.ts'
import type { FileOperations } from '#shared/store/file-operations.ts'
import { realFiles } from '#shared/store/file-operations.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { describeLayout } from '#shared/store/layout.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { verifyArchive } from '#shared/store/verify-archive.ts'
import { interfere, systemError } from './interfere.ts'
import { backupOfProject6, makeArchive, now, openTestStore, project6, serverUrl, sha256 } from './store-fixture.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const fileName = 'project_alpha_backup_2026_03_01_10_00_00.zip'
const changedAt = '2026-03-01T10:00:00Z'
const bytes = makeArchive()
const nobody = { isActive: () => false, graceMs: 0 }

async function placeFile(folder: string): Promise<string> {
  const path = join(folder, fileName)
  await writeFile(path, bytes)
  return path
}

async function describeAdoption(path: string, copy = false): Promise<AdoptInput> {
  const inspection = await inspectArchive(path, { entityType: 'project', content: { kind: 'backup' } })
  const runId = `adopt-${inspection.sha256.slice(0, 16)}`
  return {
    source: (await readSourceFile(path))!,
    copy,
    signal: new AbortController().signal,
    series: backupOfProject6,
    inspection,
    server: { url: serverUrl, version: null },
    observation: { name: 'alpha', organization: null, updatedDate: changedAt, tasks: [] },
    createdAt: changedAt,
    origin: {
      runId,
      backupId: `${runId}.project-6.backup`,
      attempts: 1,
      adoptedFrom: fileName,
      adoptedAt: now.toISOString(),
    },
  }
}

function openAdopting(store: Store, files?: FileOperations) {
  return openAdoptingStore({ directory: store.directory, now: () => now, ...(files && { files }) })
}

/** Paths of all files below that hold the archive's bytes. */
async function findCopies(...folders: string[]): Promise<string[]> {
  const found: string[] = []
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && (await readFile(path)).equals(bytes)) found.push(path)
    }
  }
  return found
}

async function listFiles(store: Store): Promise<string[]> {
  const names = await readdir(store.directory, { recursive: true, withFileTypes: true })
  return names.filter((entry) => entry.isFile()).map(({ name }) => name)
}

class Died extends Error {}

/** From the nth operation on nothing happens any more, torn in half where it was writing: what a killed process leaves. */
function dieAt(step: number): FileOperations & { readonly survived: () => boolean } {
  let count = 0
  const files = interfere(async (operation) => {
    count += 1
    if (count < step) return
    if (count === step) await operation.tear()
    throw new Died()
  })
  return { ...files, survived: () => count < step }
}

describe.each([
  { way: 'moving', copy: false },
  { way: 'copying', copy: true },
])('$way a file into the store', ({ copy }) => {
  test('and dying at any file operation loses nothing, and the second run ends with one archive', async () => {
    let steps = 0
    for (let survived = false; !survived; ) {
      steps += 1
      const store = await openTestStore()
      const folder = copy ? await makeTemporaryFolder() : store.directory
      const path = await placeFile(folder)
      const input = await describeAdoption(path, copy)
      const files = dieAt(steps)
      await openAdopting(store, files)
        .adoptArchive(input)
        .catch((error: unknown) => expect(error).toBeInstanceOf(Died))
      survived = files.survived()
      await expectAllThere(store, folder, copy)
      // Whatever cleans up meanwhile must not take what is still needed.
      await store.recover(nobody)
      await expectAllThere(store, folder, copy)
      if ((await readdir(folder)).includes(fileName)) {
        await openAdopting(store).adoptArchive(await describeAdoption(path, copy))
      }
      const { archives, unrecognised } = await store.listRecords(project6)
      expect(unrecognised).toEqual([])
      expect(archives.map(({ record }) => record.archive.sha256)).toEqual([sha256(bytes)])
      expect(await readFile(archives[0]!.archivePath)).toEqual(bytes)
      expect(await listFiles(store)).toHaveLength(2)
      expect(await findCopies(store.directory)).toHaveLength(1)
    }
    expect(steps).toBeGreaterThan(copy ? 25 : 15)
  })

  test('without room for it leaves the file where it is', async () => {
    const store = await openTestStore()
    const folder = await makeTemporaryFolder()
    const path = await placeFile(folder)
    const files = interfere(({ name }) => {
      if (name === 'handle.write' || name === 'handle.writeFile') throw systemError('ENOSPC')
    })
    const adopting = openAdopting(store, files).adoptArchive(await describeAdoption(path, copy))
    await expect(adopting).rejects.toMatchObject({ code: 'disk-full' })
    expect(await findCopies(folder, store.directory)).toEqual([path])
    expect(await listFiles(store)).toEqual([])
  })

  test('is refused when somebody is still writing it', async () => {
    const store = await openTestStore()
    const path = await placeFile(store.directory)
    const input = await describeAdoption(path, copy)
    await writeFile(path, Buffer.concat([bytes, bytes]))
    await expect(openAdopting(store).adoptArchive(input)).rejects.toMatchObject({ code: 'source-changed' })
    expect(await listFiles(store)).toEqual([fileName])
  })
})

test('a file on another file system is copied, and stays', async () => {
  const store = await openTestStore()
  const path = await placeFile(await makeTemporaryFolder())
  const files = interfere((operation) => {
    if (operation.name === 'rename' && operation.path === path) throw systemError('EXDEV')
  })
  const adopted = await openAdopting(store, files).adoptArchive(await describeAdoption(path))
  expect(adopted.how).toBe('copied')
  expect(await readFile(path)).toEqual(bytes)
  expect(await readFile(adopted.archivePath)).toEqual(bytes)
  expect(await listFiles(store)).toHaveLength(2)
})

test('adopted bytes are known again, whatever their file is called', async () => {
  const store = await openTestStore()
  const input = await describeAdoption(await placeFile(store.directory))
  expect(await openAdopting(store).adoptArchive(input)).toMatchObject({ how: 'moved' })
  const again = join(await makeTemporaryFolder(), 'other name.zip')
  await writeFile(again, bytes)
  expect(await openAdopting(store).adoptArchive(await describeAdoption(again))).toMatchObject({ how: 'there' })
  expect(await readFile(again)).toEqual(bytes)
})

test('nothing is overwritten that has the name already', async () => {
  const store = await openTestStore()
  const input = await describeAdoption(await placeFile(store.directory))
  const { archive } = (await openAdopting(store).adoptArchive(input)).record
  const { archives } = await store.listRecords(project6)
  // A record of another hand: the name is taken, the bytes are not known as adopted.
  await rm(archives[0]!.recordPath)
  await writeFile(archives[0]!.archivePath, 'somebody else')
  const adopted = await openAdopting(store).adoptArchive(await describeAdoption(await placeFile(store.directory)))
  expect(adopted.record.archive.fileName).toBe(archive.fileName.replace('.zip', '-2.zip'))
  expect(await readFile(archives[0]!.archivePath, 'utf8')).toBe('somebody else')
})

test('a store whose mount is gone is told from an empty one', async () => {
  const store = await openTestStore()
  const folder = await makeTemporaryFolder()
  const input = await describeAdoption(await placeFile(folder))
  await rename(store.directory, `${store.directory}-gone`)
  await mkdir(store.directory)
  await expect(openAdopting(store).adoptArchive(input)).rejects.toMatchObject({ code: 'directory-missing' })
  expect(await readdir(store.directory)).toEqual([])
  await rm(`${store.directory}-gone`, { recursive: true })
})

test('checking an adopted archive again holds it against itself only', async () => {
  const store = await openTestStore()
  const adopted = await openAdopting(store).adoptArchive(await describeAdoption(await placeFile(store.directory)))
  const layout = describeLayout(store.directory)
  const judgement = await verifyArchive(realFiles, layout, adopted, { level: 'complete', now: () => now })
  expect(judgement).toMatchObject({ judgement: { verdict: 'intact', found: [] } })
  expect(await openStore({ directory: store.directory }).newestGood(backupOfProject6, serverUrl)).toBeDefined()
})

/** In the file that was found or in its place in the store: whole, at every instant. */
async function expectAllThere(store: Store, folder: string, copy: boolean): Promise<void> {
  const copies = await findCopies(...new Set([folder, store.directory]))
  if (copy) expect(copies).toContain(join(folder, fileName))
  else expect(copies).toHaveLength(1)
  const { archives } = await store.listRecords(project6)
  for (const { archivePath } of archives) expect(await readFile(archivePath)).toEqual(bytes)
}
