// The simulated server's clock: dates with microseconds as CVAT writes them, each later than the one before.

export class ServerClock {
  readonly #read: () => number
  #offsetMs = 0
  #lastMicros = 0
  #ticks = 0

  /** @param read milliseconds since 1970; the machine's clock when left out */
  constructor(read: () => number = Date.now) {
    this.#read = read
  }

  /** Milliseconds since 1970 on the server's clock. */
  nowMs(): number {
    return this.#read() + this.#offsetMs
  }

  /** How far the server's clock is ahead of the machine's (negative: behind). */
  get offsetMs(): number {
    return this.#offsetMs
  }

  set offsetMs(value: number) {
    if (value < this.#offsetMs) this.#lastMicros = 0
    this.#offsetMs = value
  }

  /** Lets the server's time pass without waiting for it. */
  advance(ms: number): void {
    this.offsetMs = this.#offsetMs + ms
  }

  /** A new date, strictly later than every date given before, e.g. `2026-11-22T20:33:01.729573Z`. */
  tick(): string {
    this.#ticks += 1
    const now = Math.floor(this.nowMs()) * 1000 + ((this.#ticks * 379) % 1000)
    this.#lastMicros = Math.max(now, this.#lastMicros + 1)
    return formatMicros(this.#lastMicros)
  }
}

/** Microseconds since 1970 as CVAT writes a date. */
export function formatMicros(micros: number): string {
  const ms = Math.floor(micros / 1000)
  return `${new Date(ms).toISOString().slice(0, -1)}${String(Math.floor(micros - ms * 1000)).padStart(3, '0')}Z`
}

/** A date in any ISO 8601 form as CVAT's form, so that comparing text compares time; undefined when it is no date. */
export function normalizeDate(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text.trim())
  if (!match) return undefined
  const ms = Date.parse(`${match[1]}T${match[2] ?? '00:00:00'}${match[4] ?? 'Z'}`)
  if (Number.isNaN(ms)) return undefined
  return `${new Date(ms).toISOString().slice(0, 19)}.${(match[3] ?? '').slice(0, 6).padEnd(6, '0')}Z`
}
