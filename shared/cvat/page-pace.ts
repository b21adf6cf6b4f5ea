// How many rows of a list to ask for at once: few calls where the server answers quickly, short ones where it does not.

/** What a list begins with. A page of 1,000 projects cost a CVAT of 2 cores 0.6 s (measured on 2.64.1), without an upper limit. */
export const FIRST_PAGE = 500
/** 20 to 40 MB of tasks or jobs on their way, 10 MB of what is kept of them. */
const LARGEST_PAGE = 20_000
/** No page is a leap, even after one that took no time at all. */
const MOST_GROWTH = 4
/** A page holds up one of the server's few workers, and with it people. */
const QUICK_MS = 500
const SLOW_MS = 1_500
/** A large page that fails may have held a worker up to its timeout, several times: it is not tried soon again. */
const SMALL_AFTER_FAILURE_MS = 3_600_000

export class PagePace {
  readonly #nowMs: () => number
  readonly #sizes = new Map<string, number>()
  readonly #smallUntilMs = new Map<string, number>()

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Rows to ask for from this list now. */
  sizeFor(path: string): number {
    return this.#sizes.get(path) ?? FIRST_PAGE
  }

  /**
   * To be told how long a page took that was as long as asked for. The next one should take QUICK_MS at the pace of this one,
   * or twice as many rows where that is more.
   */
  note(path: string, rows: number, tookMs: number): void {
    if (this.#nowMs() < (this.#smallUntilMs.get(path) ?? 0)) return
    const growth = Math.min(MOST_GROWTH, Math.max(2, QUICK_MS / tookMs))
    const more = Math.min(LARGEST_PAGE, Math.floor(rows * growth))
    if (tookMs < QUICK_MS) this.#sizes.set(path, Math.max(this.sizeFor(path), more))
    else if (tookMs > SLOW_MS) this.#sizes.set(path, Math.max(FIRST_PAGE, Math.floor(rows / 2)))
  }

  /** After a page that failed: the first size again, for an hour. */
  reset(path: string): void {
    this.#sizes.delete(path)
    this.#smallUntilMs.set(path, this.#nowMs() + SMALL_AFTER_FAILURE_MS)
  }
}
