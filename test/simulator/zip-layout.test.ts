import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl'
import { combineCrc32, repeatCrc32 } from './crc32-combine.ts'
import { pictureBytes, videoBytes } from './media-bytes.ts'
import { layOutZip, type ZipLayout, type ZipMember } from './zip-layout.ts'

describe('media made from a seed', () => {
  it.each([0, 1, 4, 35, 36, 38, 1000, 32_768, 100_001])('of %d bytes have the CRC they claim', (size) => {
    for (const source of [pictureBytes('1/2', size), videoBytes('video 3', size)]) {
      const bytes = source.read(0, size)
      expect([bytes.length, crc32(bytes)]).toEqual([source.size, source.crc])
    }
  })

  it('are the same bytes read whole or in pieces, and differ from frame to frame', () => {
    const source = pictureBytes('1/2', 90_000)
    const pieces = Array.from({ length: 90 }, (_, index) => source.read(index * 1000, (index + 1) * 1000))
    expect(Buffer.concat(pieces).equals(source.read(0, 90_000))).toBe(true)
    expect(pictureBytes('1/3', 90_000).crc).not.toBe(source.crc)
  })
})

describe('the CRC of joined pieces', () => {
  it('is that of the whole', () => {
    const [a, b] = [Buffer.from('what comes first'), Buffer.from('and what follows it')]
    expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])))
    for (const times of [0, 1, 2, 5, 100]) {
      expect(repeatCrc32(crc32(a), a.length, times)).toBe(crc32(Buffer.alloc(a.length * times, a)))
    }
  })
})

describe('a ZIP beyond four gigabytes', () => {
  it('is one that a ZIP reader finds its members in', async () => {
    const members: ZipMember[] = [
      { name: 'small.jpg', modifiedMs: 0, mode: 0o100644, content: pictureBytes('a', 1000) },
      { name: 'video.mp4', modifiedMs: 0, mode: 0o100644, content: videoBytes('b', 5_000_000_000) },
      { name: 'behind.jpg', modifiedMs: 0, mode: 0o100644, content: pictureBytes('c', 2000) },
    ]
    const layout = layOutZip(members.map((member) => ({ ...member, modifiedMs: Date.UTC(2026, 10, 22, 20, 33, 30) })))
    const found = await listEntries(layout)
    expect(found).toEqual([
      { name: 'small.jpg', size: 1000, offset: 0, date: '2026-11-22T20:33:30.000Z' },
      { name: 'video.mp4', size: 5_000_000_000, offset: 1039, date: '2026-11-22T20:33:30.000Z' },
      { name: 'behind.jpg', size: 2000, offset: 5_000_001_098, date: '2026-11-22T20:33:30.000Z' },
    ])
  })
})

class LayoutReader extends RandomAccessReader {
  readonly #layout: ZipLayout

  constructor(layout: ZipLayout) {
    super()
    this.#layout = layout
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#layout.read(start, end))
  }
}

async function listEntries(layout: ZipLayout): Promise<object[]> {
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    fromRandomAccessReader(
      new LayoutReader(layout),
      layout.size,
      { lazyEntries: true, autoClose: false },
      (error, file) => (error ? reject(error) : resolve(file)),
    )
  })
  const found: object[] = []
  return await new Promise((resolve, reject) => {
    zip.on('error', reject)
    zip.on('end', () => resolve(found))
    zip.on('entry', (entry) => {
      found.push({
        name: entry.fileName,
        size: entry.uncompressedSize,
        offset: entry.relativeOffsetOfLocalHeader,
        date: entry.getLastModDate({ timezone: 'UTC' }).toISOString(),
      })
      zip.readEntry()
    })
    zip.readEntry()
  })
}
