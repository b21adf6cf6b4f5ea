// A multiset of digests at eight bytes each, so that what two archives do not share is found among millions of things.

import { hash } from 'node:crypto'

/** The first 64 bits of the SHA-256: in a set of ten million the chance of any collision is one in 370,000. */
export function digest(text: string): bigint {
  return hash('sha256', text, 'buffer').readBigUInt64LE(0)
}

export interface DigestMultiset {
  readonly size: number
  has(value: bigint): boolean
  /** How often each digest is here more often than in the other; empty when nothing is missing there. */
  without(other: DigestMultiset): Surplus
  /** For `without`. */
  readonly sorted: BigUint64Array
}

/** Digests and how many of each are left to be taken. */
export interface Surplus {
  readonly size: number
  /** Whether one of this digest is left; it is then taken. */
  take(value: bigint): boolean
}

export interface DigestCollector {
  add(value: bigint): void
  finish(): DigestMultiset
  /** The same with each digest once. */
  finishSet(): DigestMultiset
}

export function collectDigests(): DigestCollector {
  let values = new BigUint64Array(1024)
  let count = 0
  return {
    add(value) {
      if (count === values.length) {
        const grown = new BigUint64Array(count * 2)
        grown.set(values)
        values = grown
      }
      values[count] = value
      count += 1
    },
    finish: () => describeMultiset(values.subarray(0, count).sort()),
    finishSet: () => {
      const sorted = values.subarray(0, count).sort()
      return describeMultiset(sorted.filter((value, index) => index === 0 || value !== sorted[index - 1]))
    },
  }
}

function describeMultiset(sorted: BigUint64Array): DigestMultiset {
  return {
    sorted,
    size: sorted.length,
    has: (value) => sorted[findFirst(sorted, value)] === value,
    without: (other) => subtract(sorted, other.sorted),
  }
}

function subtract(a: BigUint64Array, b: BigUint64Array): Surplus {
  let left = new BigUint64Array(64)
  let size = 0
  let at = 0
  for (const value of a) {
    while (at < b.length && b[at]! < value) at += 1
    if (at < b.length && b[at] === value) {
      at += 1
      continue
    }
    if (size === left.length) {
      const grown = new BigUint64Array(size * 2)
      grown.set(left)
      left = grown
    }
    left[size] = value
    size += 1
  }
  return describeSurplus(left.subarray(0, size))
}

function describeSurplus(sorted: BigUint64Array): Surplus {
  const taken = new Uint8Array(sorted.length)
  return {
    size: sorted.length,
    take(value) {
      for (let at = findFirst(sorted, value); sorted[at] === value; at += 1) {
        if (taken[at]) continue
        taken[at] = 1
        return true
      }
      return false
    },
  }
}

/** The first index whose value is not smaller, by bisection. */
function findFirst(sorted: BigUint64Array, value: bigint): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! >= value) high = middle
    else low = middle + 1
  }
  return low
}
