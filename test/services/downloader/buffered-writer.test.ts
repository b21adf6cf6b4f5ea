import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { openBufferedWriter } from '#services/downloader/buffered-writer.ts'

const noise = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7919) % 251))

/** A file that takes so long, in turns of the event loop, for each write; the writes are never to overlap. */
function openSlowFile(turns: readonly number[], failAt?: number) {
  const pieces: Buffer[] = []
  let underWay = 0
  return {
    pieces,
    async write(chunk: Uint8Array) {
      expect(++underWay).toBe(1)
      for (let turn = turns[pieces.length % turns.length] ?? 0; turn > 0; turn--) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      underWay--
      if (pieces.length === failAt) throw new Error('the disk is full')
      pieces.push(Buffer.from(chunk))
    },
  }
}

async function writeInChunks(
  file: ReturnType<typeof openSlowFile>,
  chunkBytes: number,
  onWritten: (bytes: Buffer) => void,
) {
  const writer = openBufferedWriter(file, onWritten, new AbortController().signal)
  try {
    for (let at = 0; at < noise.length; at += chunkBytes) {
      const chunk = Buffer.from(noise.subarray(at, at + chunkBytes))
      await writer.take(chunk)
      // The caller's again.
      chunk.fill(0)
    }
  } finally {
    await writer.flush()
  }
}

test('property: what is written is what was taken, in order, one write after another', async () => {
  const turns = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(turns, fc.integer({ min: 20_000, max: 2_000_000 }), async (slow, chunkBytes) => {
      const file = openSlowFile(slow)
      const seen: Buffer[] = []
      await writeInChunks(file, chunkBytes, (bytes) => seen.push(Buffer.from(bytes)))
      expect(Buffer.concat(file.pieces).equals(noise)).toBe(true)
      expect(Buffer.concat(seen).equals(noise)).toBe(true)
    }),
    { numRuns: 20 },
  )
})

describe('a write that fails', () => {
  it.each([0, 1, 3])('the %ith, is told, and nothing after it is written or seen', async (failAt) => {
    const file = openSlowFile([1], failAt)
    const seen: Buffer[] = []
    await expect(writeInChunks(file, 50_000, (bytes) => seen.push(Buffer.from(bytes)))).rejects.toThrow('disk is full')
    expect(file.pieces).toHaveLength(failAt)
    expect(Buffer.concat(seen).equals(Buffer.concat(file.pieces))).toBe(true)
  })
})

test('a slow server has each of its packets written at once', async () => {
  const file = openSlowFile([0])
  const writer = openBufferedWriter(file, () => undefined, new AbortController().signal)
  for (let index = 1; index <= 3; index++) {
    await writer.take(noise.subarray(0, 100))
    await writer.flush()
    expect(file.pieces).toHaveLength(index)
  }
})

test('after an abort no further write is begun', async () => {
  const file = openSlowFile([1])
  const stopping = new AbortController()
  const writer = openBufferedWriter(file, () => stopping.abort(new Error('stopped')), stopping.signal)
  await writer.take(noise.subarray(0, 300_000))
  await expect(writer.take(noise.subarray(300_000))).rejects.toThrow('stopped')
  await writer.flush()
  expect(Buffer.concat(file.pieces).equals(noise.subarray(0, 300_000))).toBe(true)
})
