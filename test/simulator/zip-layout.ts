// The bytes of a ZIP file as Python's zipfile writes it (members stored, no data descriptors, ZIP64 from 2 GiB on),
// known by position: sizes and offsets are computed once, bytes only when they are read.

import type { ByteSource } from './media-bytes.ts'

export interface ZipMember {
  readonly name: string
  readonly modifiedMs: number
  /** Unix permission bits with the file type, as zipfile keeps them: 0o100644 for files, 0o600 for text written directly. */
  readonly mode: number
  readonly content: ByteSource
}

export interface ZipLayout {
  readonly size: number
  /** Pieces of the file from start up to end (exclusive), each at most 256 kB. */
  read(start: number, end: number): Generator<Buffer>
}

interface Segment {
  readonly offset: number
  readonly size: number
  readonly read: (start: number, end: number) => Buffer
}

/** zipfile turns to ZIP64 above this size, not at 4 GiB. */
const zip64Limit = 0x7fffffff
const pieceBytes = 256 * 1024

export function layOutZip(members: readonly ZipMember[]): ZipLayout {
  const segments: Segment[] = []
  const offsets: number[] = []
  let size = 0
  const add = (segmentSize: number, read: Segment['read']) => {
    if (segmentSize > 0) segments.push({ offset: size, size: segmentSize, read })
    size += segmentSize
  }
  const addBytes = (bytes: Buffer) => add(bytes.length, (start, end) => bytes.subarray(start, end))
  for (const member of members) {
    offsets.push(size)
    addBytes(localHeader(member))
    add(member.content.size, (start, end) => member.content.read(start, end))
  }
  const directoryStart = size
  members.forEach((member, index) => {
    addBytes(directoryEntry(member, offsets[index] ?? 0))
  })
  addBytes(endOfDirectory(members.length, size - directoryStart, directoryStart))
  return { size, read: (start, end) => readSegments(segments, start, Math.min(end, size)) }
}

function* readSegments(segments: readonly Segment[], start: number, end: number): Generator<Buffer> {
  let at = start
  for (let index = findSegment(segments, start); at < end; index += 1) {
    const segment = segments[index]
    if (!segment) return
    const segmentEnd = Math.min(segment.offset + segment.size, end)
    while (at < segmentEnd) {
      const pieceEnd = Math.min(segmentEnd, at + pieceBytes)
      yield segment.read(at - segment.offset, pieceEnd - segment.offset)
      at = pieceEnd
    }
  }
}

function findSegment(segments: readonly Segment[], position: number): number {
  let low = 0
  let high = segments.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((segments[middle]?.offset ?? 0) <= position) low = middle
    else high = middle - 1
  }
  return low
}

function localHeader(member: ZipMember): Buffer {
  const { content } = member
  const isBig = content.size > zip64Limit
  const extra = isBig ? zip64Extra([content.size, content.size]) : Buffer.alloc(0)
  const name = Buffer.from(member.name)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(isBig ? 45 : 20, 4)
  header.writeUInt16LE(nameFlag(name), 6)
  header.writeUInt32LE(dosTime(member.modifiedMs), 10)
  header.writeUInt32LE(content.crc, 14)
  header.writeUInt32LE(isBig ? 0xffffffff : content.size, 18)
  header.writeUInt32LE(isBig ? 0xffffffff : content.size, 22)
  header.writeUInt16LE(name.length, 26)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, name, extra])
}

function directoryEntry(member: ZipMember, offset: number): Buffer {
  const { content } = member
  const isBig = content.size > zip64Limit
  const isFar = offset > zip64Limit
  const sizes = [...(isBig ? [content.size, content.size] : []), ...(isFar ? [offset] : [])]
  const extra = sizes.length > 0 ? zip64Extra(sizes) : Buffer.alloc(0)
  const version = sizes.length > 0 ? 45 : 20
  const name = Buffer.from(member.name)
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE((3 << 8) | version, 4)
  entry.writeUInt16LE(version, 6)
  entry.writeUInt16LE(nameFlag(name), 8)
  entry.writeUInt32LE(dosTime(member.modifiedMs), 12)
  entry.writeUInt32LE(content.crc, 16)
  entry.writeUInt32LE(isBig ? 0xffffffff : content.size, 20)
  entry.writeUInt32LE(isBig ? 0xffffffff : content.size, 24)
  entry.writeUInt16LE(name.length, 28)
  entry.writeUInt16LE(extra.length, 30)
  entry.writeUInt32LE((member.mode << 16) >>> 0, 38)
  entry.writeUInt32LE(isFar ? 0xffffffff : offset, 42)
  return Buffer.concat([entry, name, extra])
}

function endOfDirectory(count: number, directorySize: number, directoryStart: number): Buffer {
  const isBig = count > 0xffff || directoryStart > zip64Limit || directorySize > zip64Limit
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(Math.min(directorySize, 0xffffffff), 12)
  end.writeUInt32LE(Math.min(directoryStart, 0xffffffff), 16)
  if (!isBig) return end
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(directorySize), 40)
  record.writeBigUInt64LE(BigInt(directoryStart), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(directoryStart + directorySize), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, end])
}

function zip64Extra(sizes: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + sizes.length * 8)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(sizes.length * 8, 2)
  sizes.forEach((size, index) => {
    extra.writeBigUInt64LE(BigInt(size), 4 + index * 8)
  })
  return extra
}

/** Bit 11 says that the name is UTF-8; zipfile sets it only where the name is not ASCII. */
function nameFlag(name: Buffer): number {
  return name.some((byte) => byte > 0x7f) ? 0x800 : 0
}

/** MS-DOS date and time, in steps of two seconds, UTC as CVAT's containers keep it. */
function dosTime(ms: number): number {
  const date = new Date(ms)
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  return ((day << 16) | time) >>> 0
}
