// CVAT's limit for calls without login: so many a minute and address, counted over a sliding window.

const windowMs = 60_000

export class AnonymousThrottle {
  readonly #history = new Map<string, number[]>()

  /** Seconds to wait, or null when the call may pass (and is counted). Refused calls do not count. */
  check(address: string, limit: number, nowMs: number): number | null {
    const calls = (this.#history.get(address) ?? []).filter((time) => time > nowMs - windowMs)
    this.#history.set(address, calls)
    const oldest = calls[0]
    if (oldest !== undefined && calls.length >= limit) return Math.ceil((windowMs - (nowMs - oldest)) / 1000)
    calls.push(nowMs)
    return null
  }
}
