// Pictures and videos as bytes made from a number: the same every time, different for every frame, never stored.

import { crc32 } from 'node:zlib'
import { combineCrc32, repeatCrc32 } from './crc32-combine.ts'

/** Bytes that can be read from any position, with a CRC known beforehand. */
export interface ByteSource {
  readonly size: number
  readonly crc: number
  /** The bytes from start up to end (exclusive); at most a few hundred kilobytes are asked for at a time. */
  read(start: number, end: number): Buffer
}

const tapeBytes = 32 * 1024
const markerBytes = 32

/** One picture: a JPEG's first and last bytes, noise between. */
export function pictureBytes(seed: string, sizeBytes: number): ByteSource {
  return noise(Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from([0xff, 0xd9]), seed, sizeBytes)
}

/** One video: an MP4's first box, noise after it. */
export function videoBytes(seed: string, sizeBytes: number): ByteSource {
  return noise(Buffer.from('\0\0\0\x18ftypisom', 'latin1'), Buffer.alloc(0), seed, sizeBytes)
}

export function textBytes(text: string): ByteSource {
  return storedBytes(Buffer.from(text))
}

export function storedBytes(bytes: Buffer): ByteSource {
  return { size: bytes.length, crc: crc32(bytes), read: (start, end) => bytes.subarray(start, end) }
}

function noise(magic: Buffer, trailer: Buffer, seed: string, sizeBytes: number): ByteSource {
  const marker = Buffer.alloc(markerBytes)
  marker.write(seed, 'utf8')
  const head = Buffer.concat([magic, marker]).subarray(0, sizeBytes)
  const tail = trailer.subarray(0, Math.max(0, sizeBytes - head.length))
  const bodyBytes = sizeBytes - head.length - tail.length
  let knownCrc: number | undefined
  return {
    size: sizeBytes,
    get crc() {
      knownCrc ??= computeCrc()
      return knownCrc
    },
    read(start, end) {
      const piece = Buffer.allocUnsafe(end - start)
      let at = start
      while (at < end) at += copyAt(piece, at - start, at, end)
      return piece
    },
  }

  function computeCrc(): number {
    const { bytes, crc } = tape()
    const rest = bodyBytes % tapeBytes
    const whole = repeatCrc32(crc, tapeBytes, (bodyBytes - rest) / tapeBytes)
    const body = combineCrc32(whole, crc32(bytes.subarray(0, rest)), rest)
    return combineCrc32(combineCrc32(crc32(head), body, bodyBytes), crc32(tail), tail.length)
  }

  function copyAt(target: Buffer, targetStart: number, at: number, end: number): number {
    if (at < head.length) return head.copy(target, targetStart, at, Math.min(head.length, end))
    const inBody = at - head.length
    if (inBody >= bodyBytes) return tail.copy(target, targetStart, inBody - bodyBytes, end - head.length - bodyBytes)
    const inTape = inBody % tapeBytes
    const length = Math.min(tapeBytes - inTape, end - at, bodyBytes - inBody)
    return tape().bytes.copy(target, targetStart, inTape, inTape + length)
  }
}

let sharedTape: { bytes: Buffer; crc: number } | undefined

/** Noise that no compressor shortens, shared by all media. */
function tape(): { bytes: Buffer; crc: number } {
  if (sharedTape) return sharedTape
  const bytes = Buffer.allocUnsafe(tapeBytes)
  let state = 0x9e3779b9
  for (let index = 0; index < tapeBytes; index += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes.writeInt32LE(state | 0, index)
  }
  sharedTape = { bytes, crc: crc32(bytes) }
  return sharedTape
}
