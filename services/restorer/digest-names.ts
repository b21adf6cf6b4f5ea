// Many names as one short text, so that lists of a million frames can be compared without being held.

import { createHash } from 'node:crypto'

export interface NamesDigest {
  add(name: string): void
  count(): number
  /** Once only, at the end. */
  digest(): string
}

export function digestNames(): NamesDigest {
  const hash = createHash('sha256')
  let count = 0
  return {
    add(name) {
      // A length in front: no two lists of names make the same text.
      hash.update(`${Buffer.byteLength(name)}:${name}`)
      count++
    },
    count: () => count,
    digest: () => hash.digest('hex'),
  }
}
