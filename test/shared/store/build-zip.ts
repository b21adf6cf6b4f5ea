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
}

const UTF8_NAMES = 0x800

export function buildZip(members: readonly MemberPlan[]): Buffer {
  const parts: Buffer[] = []
  const rows: Buffer[] = []
  let offset = 0
  for (const { name, data = '', deflate = false, claims = {} } of members) {
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
    rows.push(directoryRow(fields, Buffer.from(name), claims.offset ?? offset, claims.mode ?? 0o100644))
    parts.push(header, stored)
    offset += header.length + stored.length
  }
  const directory = Buffer.concat(rows)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, directory, end])
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
