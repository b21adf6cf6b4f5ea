// Reads an archive once from start to end, hashing it on the way, whatever order its parts are asked for in.

import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { BlockReader, readAtLeast, readFully } from './block-reader.ts'

/** One read for hundreds of small ones in the zip's directory. */
const WINDOW_BYTES = 64 * 1024

/**
 * A zip on the disk. Bytes are read back and hashed in one pass as long as members are read in the order they lie in;
 * out of order they are read twice, which costs time and nothing else.
 */
export class HashedZip {
  readonly sizeBytes: number
  readonly #handle: FileHandle
  readonly #signal: AbortSignal | undefined
  readonly #blocks: BlockReader
  readonly #hash: Hash = createHash('sha256')
  #hashedBytes = 0

  constructor(handle: FileHandle, sizeBytes: number, signal?: AbortSignal) {
    this.#handle = handle
    this.#blocks = new BlockReader(handle, sizeBytes)
    this.sizeBytes = sizeBytes
    this.#signal = signal
  }

  /** Opens the zip's directory anew, to be iterated once. Throws what yauzl throws at something that is no zip. */
  openDirectory(): Promise<OpenedDirectory> {
    return openDirectory(this.#handle, this.sizeBytes, this.#blocks)
  }

  /** The bytes from start to end in chunks. A chunk is valid until the next one, or a local header, is asked for. */
  async *read(start: number, end: number): AsyncGenerator<Buffer> {
    if (start > this.#hashedBytes) await this.#hashUpTo(start)
    for (let position = start; position < end; ) {
      this.#signal?.throwIfAborted()
      const chunk = (await this.#blocks.at(position)).subarray(0, end - position)
      if (position === this.#hashedBytes) {
        this.#hash.update(chunk)
        this.#hashedBytes += chunk.length
      }
      position += chunk.length
      yield chunk
    }
  }

  /** SHA-256 of the whole file, in hex digits. Reads what has not been read yet; nothing can be read afterwards. */
  async finishHash(): Promise<string> {
    await this.#hashUpTo(this.sizeBytes)
    return this.#hash.digest('hex')
  }

  async #hashUpTo(end: number): Promise<void> {
    while (this.#hashedBytes < end) {
      this.#signal?.throwIfAborted()
      const chunk = (await this.#blocks.at(this.#hashedBytes)).subarray(0, end - this.#hashedBytes)
      this.#hash.update(chunk)
      this.#hashedBytes += chunk.length
    }
  }
}

export interface OpenedDirectory {
  readonly zip: ZipFile
  /** Where the directory begins, which is where member data must end. */
  readonly startsAt: number
}

/** Opens a zip's directory, to be iterated once. Throws what yauzl throws at something that is no zip. */
export async function openDirectory(
  handle: FileHandle,
  sizeBytes: number,
  /** Of somebody who reads the members in order: their headers lie in the blocks that are read anyway. */
  blocks?: BlockReader,
): Promise<OpenedDirectory> {
  const reader = new WindowReader(handle, blocks)
  const zip = await fromRandomAccessReaderPromise(reader, sizeBytes, {
    autoClose: false,
    // Names and sizes are judged one by one, so that a bad one is a finding and not the end.
    decodeStrings: false,
    validateEntrySizes: false,
  })
  const startsAt = Number(zip.readEntryCursor)
  reader.windowFrom = startsAt
  return { zip, startsAt }
}

/** Where a member's data lies, by its local header, which must tell the same as the directory. */
export interface MemberPlace {
  readonly dataStart: number
  readonly dataEnd: number
  readonly hasSameName: boolean
}

export async function locateMember(zip: ZipFile, entry: Entry): Promise<MemberPlace> {
  const header = await zip.readLocalFileHeaderPromise(entry)
  return {
    dataStart: header.fileDataStart,
    dataEnd: header.fileDataStart + entry.compressedSize,
    hasSameName: header.fileName.equals(entry.fileNameRaw),
  }
}

/** yauzl's view of the file: small reads only, those of the directory through a window. */
class WindowReader extends RandomAccessReader {
  windowFrom = Number.POSITIVE_INFINITY
  readonly #handle: FileHandle
  readonly #blocks: BlockReader | undefined
  #window: Buffer = Buffer.alloc(0)
  #windowStart = 0

  constructor(handle: FileHandle, blocks: BlockReader | undefined) {
    super()
    this.#handle = handle
    this.#blocks = blocks
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.#read(buffer.subarray(offset, offset + length), position).then(
      (bytesRead) => callback(null, bytesRead),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    )
  }

  async #read(target: Buffer, position: number): Promise<number> {
    const isHeader = this.windowFrom !== Number.POSITIVE_INFINITY && position < this.windowFrom
    if (this.#blocks && isHeader) {
      await this.#blocks.copyTo(target, position)
      return target.length
    }
    if (position < this.windowFrom || target.length > WINDOW_BYTES) {
      return (await readFully(this.#handle, target, position)).length
    }
    const windowEnd = this.#windowStart + this.#window.length
    if (position < this.#windowStart || position + target.length > windowEnd) {
      this.#window = await readAtLeast(this.#handle, target.length, Buffer.allocUnsafe(WINDOW_BYTES), position)
      this.#windowStart = position
    }
    const start = position - this.#windowStart
    return this.#window.copy(target, 0, start, start + target.length)
  }
}
