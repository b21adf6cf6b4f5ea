// Reads a file from its beginning to its end in large blocks, each while the one before is worked on.

import type { FileHandle } from 'node:fs/promises'

/** Two of them are in memory. */
const BLOCK_BYTES = 1024 * 1024

interface Block {
  index: number
  bytes: Promise<Buffer>
}

/** For one reader at a time. The handle stays the caller's. */
export class BlockReader {
  readonly #handle: FileHandle
  readonly #sizeBytes: number
  /** For even and for odd blocks, made when they are needed: most files have one block. */
  readonly #buffers: Buffer[] = []
  #current: Block | undefined
  #ahead: Block | undefined

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle
    this.#sizeBytes = sizeBytes
  }

  /**
   * Bytes of the file from `position` on, at least one and as many as lie in one block; valid until the next call. Throws
   * the file system's errors, and an error where the file has become shorter.
   */
  async at(position: number): Promise<Buffer> {
    if (position >= this.#sizeBytes) throw new Error('The file ended early')
    const index = Math.floor(position / BLOCK_BYTES)
    if (this.#current?.index !== index)
      this.#current = this.#ahead?.index === index ? this.#ahead : await this.#jump(index)
    const block = this.#current
    const bytes = await block.bytes
    const next = index + 1
    if (this.#ahead?.index !== next) this.#ahead = next * BLOCK_BYTES < this.#sizeBytes ? this.#read(next) : undefined
    return bytes.subarray(position - index * BLOCK_BYTES)
  }

  /** Fills the buffer from `position` on. */
  async copyTo(target: Buffer, position: number): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      filled += (await this.at(position + filled)).copy(target, filled)
    }
  }

  async #jump(index: number): Promise<Block> {
    // The block that was read ahead in vain may lie in the very buffer that is needed now.
    await this.#ahead?.bytes.catch(() => undefined)
    await this.#current?.bytes.catch(() => undefined)
    this.#ahead = undefined
    return this.#read(index)
  }

  /** Neighbours lie in different buffers. */
  #read(index: number): Block {
    const start = index * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES, this.#sizeBytes - start)
    const buffer = this.#buffers[index % 2] ?? Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, this.#sizeBytes))
    this.#buffers[index % 2] = buffer
    const bytes = readFully(this.#handle, buffer.subarray(0, length), start)
    // Read ahead, it may fail before somebody asks for it.
    bytes.catch(() => undefined)
    return { index, bytes }
  }
}

/** Fills the buffer, going on after short reads; an early end of the file is an error. */
export async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  return readAtLeast(handle, buffer.length, buffer, position)
}

/** So many bytes, or more where they come at once: the part of the buffer that is filled. */
export async function readAtLeast(
  handle: FileHandle,
  leastBytes: number,
  buffer: Buffer,
  position: number,
): Promise<Buffer> {
  let filled = 0
  while (filled < leastBytes) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0) throw new Error('The file ended early')
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}
