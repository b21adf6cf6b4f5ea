// Reads an archive once from start to end, hashing it on the way, whatever order its parts are asked for in.

import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'

const CHUNK_BYTES = 1024 * 1024
/** One read for hundreds of small ones in the zip's directory. */
const WINDOW_BYTES = 64 * 1024

/**
 * A zip on the disk. Bytes are read back and hashed in one pass as long as members are read in the order they lie in,
 * their local headers included; out of order they are read twice, which costs time and nothing else.
 */
export class HashedZip {
  readonly sizeBytes: number
  readonly #handle: FileHandle
  readonly #signal: AbortSignal | undefined
  readonly #hash: Hash = createHash('sha256')
  readonly #buffer: Buffer
  /** What was hashed last: the bytes that end at `#hashedBytes`. */
  #window: Buffer = Buffer.alloc(0)
  #hashedBytes = 0

  constructor(handle: FileHandle, sizeBytes: number, signal?: AbortSignal) {
    this.#handle = handle
    this.sizeBytes = sizeBytes
    this.#signal = signal
    this.#buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes))
  }

  /** Opens the zip's directory anew, to be iterated once. Throws what yauzl throws at something that is no zip. */
  openDirectory(): Promise<OpenedDirectory> {
    return openDirectory(this.#handle, this.sizeBytes, (target, position) => this.#copy(target, position))
  }

  /** The bytes from start to end in chunks. A chunk is valid until the next one, or a local header, is asked for. */
  async *read(start: number, end: number): AsyncGenerator<Buffer> {
    for (let position = start; position < end; ) {
      const chunk = await this.#readSome(position, end - position)
      position += chunk.length
      yield chunk
    }
  }

  /** SHA-256 of the whole file, in hex digits. Reads what has not been read yet; nothing can be read afterwards. */
  async finishHash(): Promise<string> {
    while (this.#hashedBytes < this.sizeBytes) await this.#readOn()
    return this.#hash.digest('hex')
  }

  async #copy(target: Buffer, position: number): Promise<number> {
    for (let filled = 0; filled < target.length; ) {
      const piece = await this.#readSome(position + filled, target.length - filled)
      filled += piece.copy(target, filled)
    }
    return target.length
  }

  /** At least one byte and at most `length`, from the position on. */
  async #readSome(position: number, length: number): Promise<Buffer> {
    this.#signal?.throwIfAborted()
    while (position >= this.#hashedBytes) await this.#readOn()
    const offset = position - (this.#hashedBytes - this.#window.length)
    if (offset >= 0) return this.#window.subarray(offset, offset + length)
    return readFully(this.#handle, Buffer.allocUnsafe(Math.min(length, -offset, CHUNK_BYTES)), position)
  }

  /** One large read serves many small members. */
  async #readOn(): Promise<void> {
    this.#signal?.throwIfAborted()
    const wanted = this.#buffer.subarray(0, this.sizeBytes - this.#hashedBytes)
    if (wanted.length === 0) throw new Error('The file ended early')
    // Should the read fail half-way, the buffer no longer holds what was hashed.
    this.#window = Buffer.alloc(0)
    this.#window = await readFully(this.#handle, wanted, this.#hashedBytes)
    this.#hash.update(this.#window)
    this.#hashedBytes += this.#window.length
  }
}

export interface OpenedDirectory {
  readonly zip: ZipFile
  /** Where the directory begins, which is where member data must end. */
  readonly startsAt: number
}

/**
 * Opens a zip's directory, to be iterated once. `readHeader` fills the buffer with bytes of local headers; without it they
 * are read from the file one by one. Throws what yauzl throws at something that is no zip.
 */
export async function openDirectory(
  handle: FileHandle,
  sizeBytes: number,
  readHeader?: (target: Buffer, position: number) => Promise<number>,
): Promise<OpenedDirectory> {
  const reader = new WindowReader(handle)
  const zip = await fromRandomAccessReaderPromise(reader, sizeBytes, {
    autoClose: false,
    // Names and sizes are judged one by one, so that a bad one is a finding and not the end.
    decodeStrings: false,
    validateEntrySizes: false,
  })
  const startsAt = Number(zip.readEntryCursor)
  reader.windowFrom = startsAt
  reader.readHeader = readHeader
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
  readHeader: ((target: Buffer, position: number) => Promise<number>) | undefined
  readonly #handle: FileHandle
  #window: Buffer = Buffer.alloc(0)
  #windowStart = 0

  constructor(handle: FileHandle) {
    super()
    this.#handle = handle
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
    if (position < this.windowFrom && this.readHeader) return this.readHeader(target, position)
    if (position < this.windowFrom || target.length > WINDOW_BYTES) {
      return (await readFully(this.#handle, target, position)).length
    }
    const windowEnd = this.#windowStart + this.#window.length
    if (position < this.#windowStart || position + target.length > windowEnd) {
      const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(WINDOW_BYTES), 0, WINDOW_BYTES, position)
      this.#window = buffer.subarray(0, bytesRead)
      this.#windowStart = position
    }
    const start = position - this.#windowStart
    return this.#window.copy(target, 0, start, start + target.length)
  }
}

/** Fills the buffer, going on after short reads; an early end of the file is an error. */
export async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0) throw new Error('The file ended early')
    filled += bytesRead
  }
  return buffer
}
