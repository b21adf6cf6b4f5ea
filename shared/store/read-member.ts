// Reads one member through: where it lies, its size and its CRC-32, in bounded memory.

import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { isDeflated, showName } from './check-entry.ts'
import type { MemberSink } from './member-sinks.ts'
import type { Problem } from './record.ts'
import type { ZipDirectory } from './scan-directory.ts'
import { type HashedZip, locateMember } from './zip-file.ts'

export interface MemberToRead {
  readonly file: HashedZip
  readonly zip: ZipFile
  readonly entry: Entry
  readonly name: string
  readonly directory: Pick<ZipDirectory, 'findEnd'>
  /** Sees the content; its end only when size and CRC-32 were right. */
  readonly sink: MemberSink | undefined
  readonly signal: AbortSignal | undefined
}

/** What is wrong with the member's bytes. Faults of the disk and aborts are thrown. */
export async function readMember(member: MemberToRead): Promise<Problem[]> {
  const { file, zip, entry, name, directory, sink, signal } = member
  const describe = (code: string, what: string): Problem[] => [{ code, message: `${showName(name)} ${what}` }]
  const content = new ContentMeter(entry.uncompressedSize, sink)
  try {
    const place = await locateMember(zip, entry)
    if (!place.hasSameName) return describe('damaged-member', 'is named otherwise in its own header')
    if (place.dataEnd > directory.findEnd(entry.relativeOffsetOfLocalHeader)) {
      return describe('overlapping-members', 'reaches into the next part of the file')
    }
    const bytes = file.read(place.dataStart, place.dataEnd)
    await (isDeflated(entry) ? inflateInto(content, bytes) : takeAll(content, bytes))
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error && 'syscall' in error) throw error
    return describe('damaged-member', 'cannot be read')
  }
  if (content.sizeBytes !== entry.uncompressedSize) return describe('damaged-member', 'has another size than stated')
  if (content.crc !== entry.crc32) return describe('damaged-member', 'has another CRC-32 than stated')
  sink?.end()
  return []
}

class ContentMeter {
  sizeBytes = 0
  crc = 0
  readonly #statedBytes: number
  readonly #sink: MemberSink | undefined

  constructor(statedBytes: number, sink: MemberSink | undefined) {
    this.#statedBytes = statedBytes
    this.#sink = sink
  }

  take(chunk: Buffer): void {
    this.sizeBytes += chunk.length
    if (this.sizeBytes > this.#statedBytes) throw new Error('More bytes than stated')
    this.crc = crc32(chunk, this.crc)
    this.#sink?.push(chunk)
  }
}

async function takeAll(content: ContentMeter, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) content.take(chunk)
}

async function inflateInto(content: ContentMeter, chunks: AsyncIterable<Buffer>): Promise<void> {
  await pipeline(copyChunks(chunks), createInflateRaw(), (inflated: AsyncIterable<Buffer>) =>
    takeAll(content, inflated),
  )
}

/** The reader uses its buffer again for the next chunk, while zlib may still be working on this one. */
async function* copyChunks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}
