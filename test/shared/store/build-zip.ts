// Builds zips byte by byte, sound ones and ones with a chosen fault: no zip tool writes the broken ones.

import { crc32, deflateRawSync } from 'node:zlib'

export interface MemberPlan {
  readonly name: string
  readonly data?: string | Uint8Array
  readonly deflate?: boolean
  /** What the directory says instead of the truth. */
  readonly claims?: {
    readonly crc?: number
    readonly compressedSize?: number
    readonly size?: number
    readonly method?: number
    readonly flags?: number
    readonly offset?: number
    readonly mode?: number
    readonly localName?: string
  }
  /** The directory tells sizes and place in 64 bits, as for members from 4 GiB on; other numbers than the true ones if given. */
  readonly zip64?: { readonly size?: bigint; readonly compressedSize?: bigint; readonly offset?: bigint }
}

export interface DirectoryPlan {
  /** The end of the directory in 64 bits, as with more than 65,535 members; with another count than the true one if given. */
  readonly zip64?: { readonly members?: bigint }
}

const UTF8_NAMES = 0x800

export function buildZip(members: readonly MemberPlan[], { zip64 }: DirectoryPlan = {}): Buffer {
  const parts: Buffer[] = []
  const rows: Buffer[] = []
  let offset = 0
  for (const { name, data = '', deflate = false, claims = {}, zip64: wide } of members) {
    const content = Buffer.from(data as Uint8Array)
    const stored = deflate ? deflateRawSync(content) : content
    const fields = {
      flags: claims.flags ?? UTF8_NAMES,
      method: claims.method ?? (deflate ? 8 : 0),
      crc: claims.crc ?? crc32(content),
      compressedSize: claims.compressedSize ?? stored.length,
      size: claims.size ?? content.length,
    }
    const header = localHeader(fields, Buffer.from(claims.localName ?? name))
    const place = claims.offset ?? offset
    const row = directoryRow(fields, Buffer.from(name), wide ? WIDE : place, claims.mode ?? 0o100644)
    rows.push(
      wide
        ? widen(row, [wide.size ?? fields.size, wide.compressedSize ?? fields.compressedSize, wide.offset ?? place])
        : row,
    )
    parts.push(header, stored)
    offset += header.length + stored.length
  }
  const directory = Buffer.concat(rows)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(zip64 ? 0xffff : members.length, 8)
  end.writeUInt16LE(zip64 ? 0xffff : members.length, 10)
  end.writeUInt32LE(zip64 ? WIDE : directory.length, 12)
  end.writeUInt32LE(zip64 ? WIDE : offset, 16)
  const wideEnd = zip64 ? [wideEndOf(zip64.members ?? BigInt(members.length), directory.length, offset)] : []
  return Buffer.concat([...parts, directory, ...wideEnd, end])
}

/** In place of a number that stands in 64 bits elsewhere. */
const WIDE = 0xffffffff

/** APPNOTE 4.5.3: the extra field with both sizes and the place. */
function widen(row: Buffer, numbers: readonly (bigint | number)[]): Buffer {
  const extra = Buffer.alloc(4 + numbers.length * 8)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(numbers.length * 8, 2)
  for (const [index, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + index * 8)
  row.writeUInt32LE(WIDE, 20)
  row.writeUInt32LE(WIDE, 24)
  row.writeUInt16LE(extra.length, 30)
  return Buffer.concat([row, extra])
}

/** APPNOTE 4.3.14 and 4.3.15: the end of the directory, and behind it where that is. */
function wideEndOf(members: bigint, directoryBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(56 + 20)
  end.writeUInt32LE(0x06064b50, 0)
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE(45, 12)
  end.writeUInt16LE(45, 14)
  end.writeBigUInt64LE(members, 24)
  end.writeBigUInt64LE(members, 32)
  end.writeBigUInt64LE(BigInt(directoryBytes), 40)
  end.writeBigUInt64LE(BigInt(offset), 48)
  end.writeUInt32LE(0x07064b50, 56)
  end.writeBigUInt64LE(BigInt(offset + directoryBytes), 64)
  end.writeUInt32LE(1, 72)
  return end
}

interface Fields {
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly compressedSize: number
  readonly size: number
}

function localHeader(fields: Fields, name: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  writeCommon(header, 6, fields)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function directoryRow(fields: Fields, name: Buffer, offset: number, mode: number): Buffer {
  const row = Buffer.alloc(46)
  row.writeUInt32LE(0x02014b50, 0)
  row.writeUInt16LE((3 << 8) | 20, 4)
  row.writeUInt16LE(20, 6)
  writeCommon(row, 8, fields)
  row.writeUInt16LE(name.length, 28)
  row.writeUInt32LE(mode * 0x10000, 38)
  row.writeUInt32LE(offset, 42)
  return Buffer.concat([row, name])
}

function writeCommon(target: Buffer, at: number, fields: Fields): void {
  target.writeUInt16LE(fields.flags, at)
  target.writeUInt16LE(fields.method, at + 2)
  target.writeUInt32LE(0x5a960000, at + 4)
  target.writeUInt32LE(fields.crc, at + 8)
  target.writeUInt32LE(fields.compressedSize, at + 12)
  target.writeUInt32LE(fields.size, at + 16)
}
