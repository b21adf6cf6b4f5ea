import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BlockReader } from '#shared/store/block-reader.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const bytes = Buffer.from(Array.from({ length: 3_500_000 }, (_, index) => (index * 7919) % 251))

async function openNoise() {
  const path = join(await makeTemporaryFolder(), 'file')
  await writeFile(path, bytes)
  const handle = await open(path, 'r')
  const counts = { readBytes: 0 }
  const counting = {
    async read(...args: Parameters<FileHandle['read']>) {
      const result = await handle.read(...args)
      counts.readBytes += result.bytesRead
      return result
    },
  } as unknown as FileHandle
  return { handle, counting, counts, [Symbol.asyncDispose]: () => handle.close() }
}

test('property: wherever it is asked, it gives the bytes that lie there', async () => {
  await using file = await openNoise()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length - 1), { minLength: 1, maxLength: 12 }), async (positions) => {
      const reader = new BlockReader(file.handle, bytes.length)
      for (const position of positions) {
        const found = await reader.at(position)
        expect(found.length).toBeGreaterThan(0)
        expect(found.equals(bytes.subarray(position, position + found.length))).toBe(true)
        const target = Buffer.alloc(Math.min(1_500_000, bytes.length - position))
        await reader.copyTo(target, position)
        expect(target.equals(bytes.subarray(position, position + target.length))).toBe(true)
      }
    }),
    { numRuns: 30 },
  )
})

test('what lies beyond 4 GiB is found there', async () => {
  const path = join(await makeTemporaryFolder(), 'file')
  const start = 2 ** 32 + 1_500_000
  await using handle = await open(path, 'w+')
  await handle.write(bytes, 0, bytes.length, start)
  const reader = new BlockReader(handle, start + bytes.length)
  const found = Buffer.alloc(bytes.length)
  await reader.copyTo(found, start)
  expect(found.equals(bytes)).toBe(true)
})

test('from beginning to end everything is read once, however small the steps', async () => {
  await using file = await openNoise()
  const reader = new BlockReader(file.counting, bytes.length)
  for (let at = 0; at < bytes.length; at += 70_001) await reader.at(at)
  expect(file.counts.readBytes).toBe(bytes.length)
})

test('a file that has become shorter is an error, where it is missed and not before', async () => {
  await using file = await openNoise()
  const reader = new BlockReader(file.handle, bytes.length + 2_000_000)
  expect((await reader.at(2_500_000)).length).toBeGreaterThan(0)
  await expect(reader.at(3_600_000)).rejects.toThrow('ended early')
})
