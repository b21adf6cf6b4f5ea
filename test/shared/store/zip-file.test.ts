import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HashedZip } from '#shared/store/zip-file.ts'
import { sha256 } from './store-fixture.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251))

async function readRanges(ranges: readonly [number, number][]) {
  const path = join(await makeTemporaryFolder(), 'file')
  await writeFile(path, bytes)
  await using handle = await open(path, 'r')
  let readBytes = 0
  let reads = 0
  const counting = {
    async read(...args: Parameters<FileHandle['read']>) {
      const result = await handle.read(...args)
      readBytes += result.bytesRead
      reads++
      return result
    },
  } as unknown as FileHandle
  const file = new HashedZip(counting, bytes.length)
  for (const [start, end] of ranges) {
    const chunks: Buffer[] = []
    for await (const chunk of file.read(start, end)) chunks.push(Buffer.from(chunk))
    expect(Buffer.concat(chunks)).toEqual(bytes.subarray(start, end))
  }
  expect(await file.finishHash()).toBe(sha256(bytes))
  return { readBytes, reads }
}

test('parts in the order they lie in are read and hashed once, with the gaps between them', async () => {
  const { readBytes } = await readRanges([
    [30, 1000],
    [1100, 1100],
    [1200, 9000],
  ])
  expect(readBytes).toBe(bytes.length)
})

test('parts in any other order give the same hash', async () => {
  await readRanges([
    [5000, 6000],
    [100, 5500],
    [0, 10_000],
    [9000, 9500],
  ])
})

test('many small parts in their order take one read of the disk', async () => {
  const ranges = Array.from({ length: 500 }, (_, index): [number, number] => [index * 20, index * 20 + 15])
  expect(await readRanges(ranges)).toEqual({ reads: 1, readBytes: bytes.length })
})

test('a part that reaches beyond the end of the file is an error', async () => {
  await expect(readRanges([[9990, 10_010]])).rejects.toThrow('The file ended early')
})
