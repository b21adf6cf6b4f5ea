// A bandwidth shared by all that send: each piece books its time on one line.

import { setTimeout as sleep } from 'node:timers/promises'

/** Time that was lost to late timers is made up for, up to this: a busy machine must not look like a slow line. */
const CATCH_UP_MS = 200

export class Pace {
  #freeAtMs = Number.NEGATIVE_INFINITY
  #lastMs = Number.NEGATIVE_INFINITY

  /** Waits until the bytes may go; at once when there is no limit. */
  async wait(bytes: number, bytesPerSecond: number | undefined): Promise<void> {
    if (bytesPerSecond === undefined) return
    const now = performance.now()
    // An idle line has nothing to make up for.
    const isIdle = now - this.#lastMs > CATCH_UP_MS
    this.#lastMs = now
    this.#freeAtMs = Math.max(isIdle ? now : now - CATCH_UP_MS, this.#freeAtMs) + (bytes / bytesPerSecond) * 1000
    const wait = this.#freeAtMs - now
    if (wait > 1) await sleep(wait)
  }
}
