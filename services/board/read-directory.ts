// When the backup directory is read again for the overview: only while somebody looks, and never most of the time, since it may
// be a slow share that others work on.

import type { StoredEntities } from '#shared/overview/stored-entities.ts'

export interface DirectoryReader {
  /** Somebody looks: starts a pass if the last one is old enough. Does not wait for it. */
  wake(): void
  /** Breaks off the pass under way. */
  close(): Promise<void>
}

const LEAST_REST_MS = 60_000
/** After a pass it rests for so many times as long as the pass took. */
const REST_FACTOR = 9

export function readDirectory(stored: StoredEntities, now: () => number): DirectoryReader {
  const closing = new AbortController()
  let underWay: Promise<void> | undefined
  let nextAtMs = 0
  return {
    wake() {
      if (underWay || closing.signal.aborted || now() < nextAtMs) return
      const beganAtMs = now()
      underWay = stored
        .readAll(closing.signal)
        .catch(() => undefined)
        .finally(() => {
          underWay = undefined
          nextAtMs = now() + Math.max(LEAST_REST_MS, REST_FACTOR * (now() - beganAtMs))
        })
    },
    async close() {
      closing.abort(new Error('the board stops'))
      await underWay
    },
  }
}
