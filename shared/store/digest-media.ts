// What media an archive of a task holds, as one digest: two archives with the same one have the same members below `data/`.

import { createHash, type Hash } from 'node:crypto'
import type { MemberSink } from './member-sinks.ts'

/** Where CVAT puts a task's pictures or video, their manifest and related files. */
export const MEDIA_FOLDER = 'data/'

export interface MediaDigest {
  /** To be called for each member of the archive, in its order. */
  open(name: string): MemberSink | undefined
  /** Hex digits; undefined where media are not what CVAT writes: first of all, and there at all. */
  finish(): string | undefined
}

/**
 * SHA-256 over one line for each member below `data/`, in the archive's order: its own SHA-256 in hex digits, two spaces, its
 * name, a line feed; as sha256sum prints them.
 */
export function digestMedia(): MediaDigest {
  const lines = createHash('sha256')
  let count = 0
  let hasOthers = false
  let isInOrder = true
  return {
    open(name) {
      if (!name.startsWith(MEDIA_FOLDER)) {
        hasOthers = true
        return undefined
      }
      if (hasOthers) isInOrder = false
      const hash: Hash = createHash('sha256')
      return {
        push: (chunk) => void hash.update(chunk),
        end() {
          lines.update(`${hash.digest('hex')}  ${name}\n`)
          count += 1
        },
      }
    },
    finish: () => (isInOrder && count > 0 ? lines.digest('hex') : undefined),
  }
}
