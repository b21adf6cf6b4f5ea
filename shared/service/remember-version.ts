// CVAT's version for the records, asked for now and then: the call is anonymous and throttled at 100 a minute.

import type { CvatClient } from '#shared/cvat/client.ts'

const FRESH_MS = 10 * 60_000

/** Remembers the version for ten minutes, so that an upgraded server is noticed. */
export function rememberVersion(cvat: Pick<CvatClient, 'getAbout'>): (signal: AbortSignal) => Promise<string> {
  let known: { version: string; atMs: number } | undefined
  return async (signal) => {
    if (!known || Date.now() - known.atMs > FRESH_MS) {
      known = { version: (await cvat.getAbout(signal)).version, atMs: Date.now() }
    }
    return known.version
  }
}
