// A first walk through a zip's directory: what has to be known of all members before the first one is read.

import { hash } from 'node:crypto'
import { decodeMemberName } from './check-entry.ts'
import type { HashedZip } from './zip-file.ts'
import type { ZipLimits } from './zip-limits.ts'

/** Facts about all members, at 16 bytes each: an archive may well hold a million pictures. */
export interface ZipDirectory {
  readonly memberCount: number
  /** Where the directory begins, which is where member data must end. */
  readonly startsAt: number
  /** What all members' data takes in the file. */
  readonly totalCompressedBytes: number
  /** Whether some member has this name (up to a collision of 64 bits). */
  hasMember(name: string): boolean
  /** Whether more than one member has this name. */
  isDuplicated(name: string): boolean
  /** Where the part of the file that begins at `offset` must have ended: the next member's beginning, or startsAt. */
  findEnd(offset: number): number
  /** Whether two members claim to begin at one place. */
  readonly hasSharedOffsets: boolean
  /** Whether there are more members than the limit; the rest was not looked at. */
  readonly isCut: boolean
}

export async function scanDirectory(
  file: HashedZip,
  limits: Pick<ZipLimits, 'maxMembers'>,
  signal?: AbortSignal,
): Promise<ZipDirectory> {
  const { zip, startsAt } = await file.openDirectory()
  let names = new BigUint64Array(1024)
  let offsets = new Float64Array(1024)
  let count = 0
  let totalCompressedBytes = 0
  for await (const entry of zip.eachEntry()) {
    signal?.throwIfAborted()
    if (count === limits.maxMembers) break
    if (count === names.length) {
      names = grow(names, new BigUint64Array(count * 2))
      offsets = grow(offsets, new Float64Array(count * 2))
    }
    names[count] = fingerprint(decodeMemberName(entry))
    offsets[count] = entry.relativeOffsetOfLocalHeader
    totalCompressedBytes += entry.compressedSize
    count += 1
  }
  return describeDirectory(names.subarray(0, count).sort(), offsets.subarray(0, count).sort(), {
    startsAt,
    totalCompressedBytes,
    isCut: zip.entryCount > limits.maxMembers,
  })
}

function describeDirectory(
  names: BigUint64Array,
  offsets: Float64Array,
  facts: Pick<ZipDirectory, 'startsAt' | 'totalCompressedBytes' | 'isCut'>,
): ZipDirectory {
  return {
    ...facts,
    memberCount: names.length,
    hasSharedOffsets: offsets.some((offset, index) => index > 0 && offset === offsets[index - 1]),
    hasMember(name) {
      const wanted = fingerprint(name)
      return names[findFirst(names.length, (index) => names[index]! >= wanted)] === wanted
    },
    isDuplicated(name) {
      const wanted = fingerprint(name)
      const index = findFirst(names.length, (at) => names[at]! >= wanted)
      return names[index] === wanted && names[index + 1] === wanted
    },
    findEnd(offset) {
      const next = offsets[findFirst(offsets.length, (index) => offsets[index]! > offset)]
      return Math.min(next ?? facts.startsAt, facts.startsAt)
    },
  }
}

function fingerprint(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigUInt64LE(0)
}

/** The first index that matches, by bisection; `length` when none does. */
function findFirst(length: number, matches: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (matches(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function grow<T extends BigUint64Array | Float64Array>(from: T, to: T): T {
  to.set(from as never)
  return to
}
