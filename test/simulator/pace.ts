// A bandwidth shared by all that send: each piece books its time on one line.

import { setTimeout as sleep } from 'node:timers/promises'

export class Pace {
  #freeAtMs = 0

  /** Waits until the bytes may go; at once when there is no limit. */
  async wait(bytes: number, bytesPerSecond: number | undefined): Promise<void> {
    if (bytesPerSecond === undefined) return
    const now = performance.now()
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (bytes / bytesPerSecond) * 1000
    const wait = this.#freeAtMs - now
    if (wait > 1) await sleep(wait)
  }
}
