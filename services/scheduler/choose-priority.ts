// Which export goes first: the long ones, so that no long one is left when everything else is done.

export interface Weight {
  /** Of all its tasks together. */
  readonly frames: number
  /** Of its newest archive; undefined where there is none. */
  readonly lastSizeBytes: number | undefined
}

/** Of an entity without archive: only to place it among the others. */
const BYTES_PER_FRAME = 200_000
const DAY_MS = 86_400_000
const FIRST_DAY_MS = Date.UTC(2026, 0, 1)
/** Steps a day, each 1.59 (2^⅔) times the size of the one before; the last begins at 4 TB. */
const STEPS = 64
const STEPS_PER_DOUBLING = 1.5
/** BullMQ's own limit; the numbers last until 2115. */
const LAST_PRIORITY = 2 ** 21

/**
 * BullMQ takes the lowest number first. What was planned on an earlier day goes before all of later days, so nothing small
 * waits for ever on a server that never gets through.
 */
export function choosePriority({ frames, lastSizeBytes }: Weight, runStartedAtMs: number): number {
  const bytes = lastSizeBytes ?? frames * BYTES_PER_FRAME
  const step = Math.min(STEPS - 1, Math.floor(Math.log2(bytes + 1) * STEPS_PER_DOUBLING))
  const day = Math.max(0, Math.floor((runStartedAtMs - FIRST_DAY_MS) / DAY_MS))
  return Math.min(LAST_PRIORITY, 1 + day * STEPS + (STEPS - 1 - step))
}
