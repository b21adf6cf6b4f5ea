import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { readJson, readJsonIfThere } from '#shared/store/read-json.ts'
import { openReadingFiles } from '#shared/store/reading-files.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** Counts what goes to threads; each look at the clock is so much later than the one before. */
function countThreads(stepUs: () => number) {
  const counts = { threads: 0 }
  let nowUs = 0
  const counting =
    <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
    (...args: Args) => {
      counts.threads++
      return run(...args)
    }
  const files = { ...realFiles, open: counting(realFiles.open), lstat: counting(realFiles.lstat) } as FileOperations
  const nowUsOf = () => {
    nowUs += stepUs()
    return nowUs
  }
  return { counts, files: openReadingFiles({ files, nowUs: nowUsOf }) }
}

async function writeFolder() {
  const folder = await makeTemporaryFolder()
  await writeFile(join(folder, 'a.json'), '{"größe": 1}')
  await writeFile(join(folder, 'broken.json'), '{')
  await mkdir(join(folder, 'sub'))
  return folder
}

test.each([
  ['at once', () => 1],
  ['by threads', () => 100_000],
])('reading files %s tells the same as ordinary operations', async (_, step) => {
  const folder = await writeFolder()
  const { files } = countThreads(step)
  for (let round = 0; round < 50; round++) {
    expect(await readJson(files, join(folder, 'a.json'))).toEqual({ größe: 1 })
    expect(await readJson(files, join(folder, 'broken.json'))).toBeUndefined()
    expect(await readJsonIfThere(files, join(folder, 'none'))).toBe(
      await readJsonIfThere(realFiles, join(folder, 'none')),
    )
    await expect(files.lstat(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'lstat' })
    await expect(files.readdir(join(folder, 'a.json'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    const names = (await files.readdir(folder, { withFileTypes: true })).map((entry) => [entry.name, entry.isFile()])
    expect(names.sort()).toEqual([
      ['a.json', true],
      ['broken.json', true],
      ['sub', false],
    ])
    expect((await files.lstat(join(folder, 'a.json'))).size).toBe((await readFile(join(folder, 'a.json'))).length)
  }
})

test('a disk that answers at once needs no thread', async () => {
  const folder = await writeFolder()
  const { counts, files } = countThreads(() => 5)
  for (let i = 0; i < 500; i++) await readJson(files, join(folder, 'a.json'))
  expect(counts.threads).toBe(0)
})

test('a disk that answers slowly is asked by threads almost always', async () => {
  const folder = await writeFolder()
  const { counts, files } = countThreads(() => 20_000)
  for (let i = 0; i < 2_000; i++) await files.lstat(join(folder, 'a.json'))
  expect(counts.threads).toBeGreaterThan(1_980)
})

test('a disk that was slow for a while is read at once again', async () => {
  const folder = await writeFolder()
  let stepUs = 20_000
  const { counts, files } = countThreads(() => stepUs)
  for (let i = 0; i < 2_000; i++) await files.lstat(join(folder, 'a.json'))
  stepUs = 5
  for (let i = 0; i < 20_000; i++) await files.lstat(join(folder, 'a.json'))
  const before = counts.threads
  for (let i = 0; i < 2_000; i++) await files.lstat(join(folder, 'a.json'))
  expect(counts.threads).toBe(before)
})

test('what is opened for writing is an ordinary file', async () => {
  const folder = await writeFolder()
  const { files } = countThreads(() => 1)
  const handle = await files.open(join(folder, 'new'), 'wx')
  await handle.writeFile('text')
  await handle.sync()
  await handle.close()
  expect(await readFile(join(folder, 'new'), 'utf8')).toBe('text')
})
