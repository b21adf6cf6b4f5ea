// A set of names at eight bytes each, for when there may be millions of them.

import { hash } from 'node:crypto'

const FIRST_CAPACITY = 1024

/** Says of a name that was added that it is there; of another one perhaps, too, with a chance of one in 2^64 for each in it. */
export class DigestSet {
  #digests = new BigUint64Array(FIRST_CAPACITY)
  #count = 0
  #isSorted = true

  add(name: string): void {
    if (this.#count === this.#digests.length) this.#makeRoom()
    this.#digests[this.#count] = digestOf(name)
    this.#count += 1
    this.#isSorted = false
  }

  has(name: string): boolean {
    if (!this.#isSorted) this.#sort()
    const wanted = digestOf(name)
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#digests[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low < this.#count && this.#digests[low] === wanted
  }

  /** Names that come again and again take no room. */
  #makeRoom(): void {
    this.#sort()
    if (this.#count <= this.#digests.length / 2) return
    const larger = new BigUint64Array(this.#digests.length * 2)
    larger.set(this.#digests)
    this.#digests = larger
  }

  #sort(): void {
    const sorted = this.#digests.subarray(0, this.#count).sort()
    let kept = 0
    for (const digest of sorted) {
      if (kept > 0 && sorted[kept - 1] === digest) continue
      sorted[kept] = digest
      kept += 1
    }
    this.#count = kept
    this.#isSorted = true
  }
}

function digestOf(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigUInt64LE(0)
}
