import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { PartialFile } from '#shared/store/partial-file.ts'
import { interfere } from './interfere.ts'
import { openTestStore } from './store-fixture.ts'

const backupId = 'run-1.project-6.backup'
const askedAt = '2026-11-22T20:34:44.500Z'
const bytes = randomBytes(300_000)
const origin = { askedAt, etag: '"6b0351e4-3b9cadb"', totalBytes: bytes.length }
const wanted = { backupId, askedAt }

async function leavePartial(store: Store, sizeBytes: number, more: Partial<typeof origin> = {}): Promise<string> {
  await using partial = await store.createPartial(backupId, { ...origin, ...more })
  await partial.write(bytes.subarray(0, sizeBytes))
  return partial.path
}

async function listNames({ directory }: Store): Promise<string[]> {
  return (await readdir(join(directory, '.cvat-backups/partial'))).sort()
}

async function readAll(partial: PartialFile): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of partial.readBack()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Operations of a process that stops for ever before its nth one: none of its clean-up ever runs. */
function dieBefore(nth: number): { files: FileOperations; died: Promise<'died'>; revive: () => void } {
  const died = Promise.withResolvers<'died'>()
  const handles: FileHandle[] = []
  let count = 0
  let isOver = false
  const files = interfere(async () => {
    count += 1
    if (count < nth || isOver) return
    died.resolve('died')
    await new Promise(() => undefined)
  })
  onTestFinished(async () => {
    isOver = true
    for (const handle of handles) await handle.close().catch(() => undefined)
  })
  return {
    died: died.promise,
    revive: () => {
      isOver = true
    },
    files: {
      ...files,
      async open(...args: Parameters<FileOperations['open']>) {
        const handle = await files.open(...args)
        handles.push(handle)
        return handle
      },
    },
  }
}

test('the largest of several is taken over, under a new name, and the others go', async () => {
  const store = await openTestStore()
  await leavePartial(store, 1_000)
  const largest = await leavePartial(store, 200_000)
  await leavePartial(store, 50_000)
  await using other = await store.createPartial('run-1.project-60.backup', origin)
  await using taken = await store.takePartial(wanted)
  expect(taken).toMatchObject({ sizeBytes: 200_000, origin })
  expect(taken!.path).not.toBe(largest)
  await taken!.write(bytes.subarray(200_000))
  expect(await readAll(taken!)).toEqual(bytes)
  await taken!.finish()
  expect(await readFile(taken!.path)).toEqual(bytes)
  expect(await listNames(store)).toHaveLength(4)
  await taken!.discard()
  await other.discard()
  expect(await listNames(store)).toEqual([])
})

test.each([
  ['of another export', 100, { askedAt: '2026-11-22T20:34:44.501Z' }],
  ['without a byte', 0, {}],
  ['larger than the file that it is of', 300, { totalBytes: 299 }],
])('one %s is not taken, but removed', async (_, sizeBytes, more) => {
  const store = await openTestStore()
  await leavePartial(store, sizeBytes, more)
  expect(await store.takePartial(wanted)).toBeUndefined()
  expect(await listNames(store)).toEqual([])
})

test('one that does not tell what it is of is not taken, but removed', async () => {
  const store = await openTestStore()
  await using partial = await store.createPartial(backupId)
  await partial.write(bytes)
  await writeFile(join(store.directory, `.cvat-backups/partial/${backupId}.0123456789ab.origin`), '{}')
  expect(await store.takePartial(wanted)).toBeUndefined()
  expect(await listNames(store)).toEqual([])
})

test('a file system that does not rename an open file costs a new download, nothing else', async () => {
  const store = await openTestStore()
  await leavePartial(store, 100)
  const rename = () => Promise.reject(Object.assign(new Error('EBUSY'), { code: 'EBUSY' }))
  const stubborn = openStore({ directory: store.directory, files: { ...realFiles, rename } })
  expect(await stubborn.takePartial(wanted)).toBeUndefined()
  expect(await listNames(store)).toEqual([])
})

test('a handler that dies at any step of taking over leaves the bytes to the next one, or nothing', async () => {
  const results = new Set<string>()
  let steps = 0
  for (let hasDied = true; hasDied && steps < 60; ) {
    steps += 1
    const healthy = await openTestStore()
    await leavePartial(healthy, 123_456)
    await leavePartial(healthy, 10)
    const { files, died, revive } = dieBefore(steps)
    const end = await Promise.race([openStore({ directory: healthy.directory, files }).takePartial(wanted), died])
    hasDied = end === 'died'
    if (end !== 'died') {
      revive()
      await end?.[Symbol.asyncDispose]()
    }
    await using next = await healthy.takePartial(wanted)
    results.add(next ? `${next.sizeBytes}` : 'nothing')
    if (next) expect(await readAll(next)).toEqual(bytes.subarray(0, next.sizeBytes))
    expect(await listNames(healthy)).toHaveLength(next ? 2 : 0)
  }
  expect(steps).toBeGreaterThan(10)
  expect([...results]).toEqual(['123456'])
})

test('files of backups that nobody works on go with what they are of', async () => {
  const store = await openTestStore()
  await leavePartial(store, 100)
  expect(await store.removeStalePartials({ isActive: () => true })).toBe(0)
  expect(await store.removeStalePartials({ isActive: () => false })).toBe(2)
  expect(await listNames(store)).toEqual([])
})
