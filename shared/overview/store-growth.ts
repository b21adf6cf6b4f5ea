// How the store grows, and when the disk is full at this rate. Pure.

export interface GrowthDay {
  /** `2026-11-26`, UTC. */
  readonly day: string
  /** Of the archives that were made on it and are still there. */
  readonly addedBytes: number
  /** Of all that were made until its end and are still there. */
  readonly totalBytes: number
}

export interface Growth {
  /** Without gaps, oldest first; at most {@link DAYS_SHOWN}. */
  readonly days: readonly GrowthDay[]
  readonly bytesPerDay: number
  /** Over how many days that was measured; 0: there is nothing to measure yet. */
  readonly measuredDays: number
  readonly freeBytes: number | undefined
  /** Milliseconds since 1970; undefined: never at this rate, or not within a century, or nobody knows what is free. */
  readonly fullAtMs: number | undefined
}

const DAY_MS = 86_400_000
const DAYS_SHOWN = 90
/** What was made lately and is still there: retention has not yet thinned it, so the disk fills no sooner than this says. */
const DAYS_MEASURED = 30
const CENTURY_MS = 100 * 365 * DAY_MS

/** @param freeBytes undefined where the file system does not say */
export function describeGrowth(
  bytesByDay: ReadonlyMap<string, number>,
  freeBytes: number | undefined,
  nowMs: number,
): Growth {
  const today = dayOf(nowMs)
  const past = [...bytesByDay].filter(([day]) => day <= today).sort(([a], [b]) => (a < b ? -1 : 1))
  const first = past[0]?.[0]
  const none = { days: [], bytesPerDay: 0, measuredDays: 0, freeBytes, fullAtMs: undefined }
  if (first === undefined || Number.isNaN(Date.parse(first))) return none
  const fromMs = Math.max(Date.parse(first), Date.parse(today) - (DAYS_SHOWN - 1) * DAY_MS)
  let totalBytes = past.reduce((sum, [day, bytes]) => sum + (day < dayOf(fromMs) ? bytes : 0), 0)
  const days: GrowthDay[] = []
  for (let atMs = fromMs; atMs <= Date.parse(today); atMs += DAY_MS) {
    const addedBytes = bytesByDay.get(dayOf(atMs)) ?? 0
    totalBytes += addedBytes
    days.push({ day: dayOf(atMs), addedBytes, totalBytes })
  }
  const measured = days.slice(-DAYS_MEASURED)
  const bytesPerDay = Math.round(measured.reduce((sum, { addedBytes }) => sum + addedBytes, 0) / measured.length)
  const leftMs = freeBytes === undefined || bytesPerDay === 0 ? undefined : (freeBytes / bytesPerDay) * DAY_MS
  const fullAtMs = leftMs === undefined || leftMs > CENTURY_MS ? undefined : Math.round(nowMs + leftMs)
  return { days, bytesPerDay, measuredDays: measured.length, freeBytes, fullAtMs }
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
