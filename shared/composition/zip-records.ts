// The bytes of a zip between its members' data, as Python's zipfile writes them (which is what CVAT uses): no data
// descriptors, UTF-8 flag only where a name needs it, zip64 from 2 GiB on (APPNOTE.TXT 4.3, zipfile.ZIP64_LIMIT).

/** What the headers of one member tell. */
export interface MemberFacts {
  readonly name: string
  readonly compressedBytes: number
  readonly sizeBytes: number
  readonly crc32: number
  /** 0 stored, 8 deflated. */
  readonly method: number
  /** DOS time in the lower half, DOS date in the upper. */
  readonly modified: number
  /** As in the directory: the Unix mode in the upper half. */
  readonly externalAttributes: number
}

/** zipfile turns to zip64 above this size, not at 4 GiB. */
export const ZIP64_LIMIT = 0x7fffffff

const LOCAL_BYTES = 30
const ROW_BYTES = 46
const UTF8_NAME = 0x800
const VERSION = 20
const VERSION_ZIP64 = 45
const ON_UNIX = 3 << 8
/** Id and length of an extra field. */
const EXTRA_HEAD_BYTES = 4

/** Sums over members, from which the sizes of their headers follow. */
export interface MemberSums {
  readonly count: number
  readonly nameBytes: number
  readonly compressedBytes: number
  /** How many are larger than {@link ZIP64_LIMIT}. */
  readonly bigCount: number
}

export function isBig({ sizeBytes, compressedBytes }: Pick<MemberFacts, 'sizeBytes' | 'compressedBytes'>): boolean {
  return sizeBytes > ZIP64_LIMIT || compressedBytes > ZIP64_LIMIT
}

export function isFar(offset: number): boolean {
  return offset > ZIP64_LIMIT
}

/** What so many members take: local headers and data. */
export function measureMembers(sums: MemberSums): number {
  return sums.count * LOCAL_BYTES + sums.nameBytes + sums.bigCount * (EXTRA_HEAD_BYTES + 16) + sums.compressedBytes
}

/** What their rows in the directory take, as long as none begins beyond {@link ZIP64_LIMIT}. */
export function measureNearRows(sums: MemberSums): number {
  return sums.count * ROW_BYTES + sums.nameBytes + sums.bigCount * (EXTRA_HEAD_BYTES + 16)
}

export function localHeader(member: MemberFacts): Buffer {
  const name = encodeName(member.name)
  const big = isBig(member)
  const header = Buffer.alloc(LOCAL_BYTES)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(big ? VERSION_ZIP64 : VERSION, 4)
  writeCommon(header, 6, member, name)
  const extra = big ? zip64Extra(member.sizeBytes, member.compressedBytes) : Buffer.alloc(0)
  header.writeUInt16LE(name.length, 26)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, name, extra])
}

export function directoryRow(member: MemberFacts, offset: number): Buffer {
  const name = encodeName(member.name)
  const far = isFar(offset)
  const wide = [...(isBig(member) ? [member.sizeBytes, member.compressedBytes] : []), ...(far ? [offset] : [])]
  const extra = wide.length > 0 ? zip64Extra(...wide) : Buffer.alloc(0)
  const version = wide.length > 0 ? VERSION_ZIP64 : VERSION
  const row = Buffer.alloc(ROW_BYTES)
  row.writeUInt32LE(0x02014b50, 0)
  row.writeUInt16LE(ON_UNIX | version, 4)
  row.writeUInt16LE(version, 6)
  writeCommon(row, 8, member, name)
  row.writeUInt16LE(name.length, 28)
  row.writeUInt16LE(extra.length, 30)
  row.writeUInt32LE(member.externalAttributes, 38)
  row.writeUInt32LE(far ? 0xffffffff : offset, 42)
  return Buffer.concat([row, name, extra])
}

export function endOfDirectory(count: number, startsAt: number, sizeBytes: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(Math.min(sizeBytes, 0xffffffff), 12)
  end.writeUInt32LE(Math.min(startsAt, 0xffffffff), 16)
  if (count <= 0xffff && !isFar(startsAt) && !isFar(sizeBytes)) return end
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(VERSION_ZIP64, 12)
  record.writeUInt16LE(VERSION_ZIP64, 14)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(sizeBytes), 40)
  record.writeBigUInt64LE(BigInt(startsAt), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(startsAt + sizeBytes), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, end])
}

function writeCommon(target: Buffer, at: number, member: MemberFacts, name: Buffer): void {
  const big = isBig(member)
  // More bytes than characters: not ASCII.
  target.writeUInt16LE(name.length > member.name.length ? UTF8_NAME : 0, at)
  target.writeUInt16LE(member.method, at + 2)
  target.writeUInt32LE(member.modified, at + 4)
  target.writeUInt32LE(member.crc32, at + 8)
  target.writeUInt32LE(big ? 0xffffffff : member.compressedBytes, at + 12)
  target.writeUInt32LE(big ? 0xffffffff : member.sizeBytes, at + 16)
}

function zip64Extra(...values: readonly number[]): Buffer {
  const extra = Buffer.alloc(EXTRA_HEAD_BYTES + values.length * 8)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(values.length * 8, 2)
  values.forEach((value, index) => {
    extra.writeBigUInt64LE(BigInt(value), EXTRA_HEAD_BYTES + index * 8)
  })
  return extra
}

function encodeName(name: string): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > 0xffff) throw new RangeError(`A member's name has ${bytes.length} bytes, more than a zip can hold`)
  return bytes
}
