import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { openStore } from '#shared/store/open-store.ts'
import { interfere, systemError } from './interfere.ts'
import { openTestStore } from './store-fixture.ts'

type Answer = { readonly bavail: number; readonly blocks: number; readonly bsize: number }

async function freeBytes(statfs: () => Promise<Answer>): Promise<number | undefined> {
  const { directory } = await openTestStore()
  const files = { ...realFiles, statfs } as unknown as FileOperations
  return openStore({ directory, files }).findFreeBytes()
}

describe('free space', () => {
  test('is what the file system lets this user write', async () => {
    expect(await freeBytes(async () => ({ bavail: 250, blocks: 1000, bsize: 4096 }))).toBe(1_024_000)
    expect(await freeBytes(async () => ({ bavail: 0, blocks: 1000, bsize: 4096 }))).toBe(0)
    expect(await (await openTestStore()).findFreeBytes()).toBeGreaterThan(0)
  })

  test.each([
    ['no blocks at all', { bavail: 0, blocks: 0, bsize: 4096 }],
    ['more free than there is', { bavail: 2000, blocks: 1000, bsize: 4096 }],
    ['more than any disk has', { bavail: 2 ** 52, blocks: 2 ** 52, bsize: 4096 }],
    ['blocks without a size', { bavail: 10, blocks: 10, bsize: 0 }],
    ['less than nothing', { bavail: -1, blocks: 10, bsize: 512 }],
  ])('is not known from a file system that tells of %s', async (_, answer) => {
    expect(await freeBytes(async () => answer)).toBeUndefined()
  })

  test.each(['ENOSYS', 'EIO', 'ENOENT'])('is not known when asking fails with %s', async (code) => {
    expect(await freeBytes(() => Promise.reject(systemError(code)))).toBeUndefined()
  })
})

describe('trying to write', () => {
  test('writes so many bytes and leaves nothing', async () => {
    const { directory } = await openTestStore()
    let written = 0
    const files = interfere(({ name }) => {
      if (name === 'handle.write') written += 1
    })
    await openStore({ directory, files }).tryWriting(600_000)
    expect(written).toBe(3)
    expect(await readdir(join(directory, '.cvat-backups/partial'))).toEqual([])
  })

  test.each(['handle.write', 'handle.sync', 'handle.close', 'open'])('tells of a full disk at %s', async (where) => {
    const { directory } = await openTestStore()
    const files = interfere(({ name }) => {
      if (name === where) throw systemError('EDQUOT')
    })
    await expect(openStore({ directory, files }).tryWriting(1000)).rejects.toMatchObject({ code: 'disk-full' })
    expect(await readdir(join(directory, '.cvat-backups/partial'))).toEqual([])
  })

  test('never makes a directory that has gone', async () => {
    const store = await openTestStore()
    await rm(join(store.directory, '.cvat-backups'), { recursive: true })
    await expect(store.tryWriting(1000)).rejects.toMatchObject({ code: 'directory-missing' })
    expect(await readdir(store.directory)).toEqual([])
  })
})
