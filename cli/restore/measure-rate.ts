// How fast earlier restores to a server went, for an estimate.

import type { Store } from '#shared/store/open-store.ts'

const LOOKED_AT = 20

/** Undefined where nothing was restored there yet. Uploads and imports that ran side by side count side by side. */
export async function measureRate(
  store: Pick<Store, 'listRestores' | 'listRestoreStates' | 'readRestorePlan'>,
  targetUrl: string,
): Promise<{ bytesPerSecond: number } | undefined> {
  let bytes = 0
  let ms = 0
  for (const id of (await store.listRestores()).sort().reverse().slice(0, LOOKED_AT)) {
    let first = Number.POSITIVE_INFINITY
    let last = 0
    for await (const state of store.listRestoreStates(id)) {
      if (state.state !== 'done' || state.targetUrl !== targetUrl || !state.endedAt || !state.sizeBytes) continue
      bytes += state.sizeBytes
      first = Math.min(first, Date.parse(state.startedAt))
      last = Math.max(last, Date.parse(state.endedAt))
    }
    if (last > first) ms += last - first
  }
  return bytes > 0 && ms > 0 ? { bytesPerSecond: (bytes / ms) * 1000 } : undefined
}
