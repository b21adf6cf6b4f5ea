// Dates as CVAT writes them: ISO 8601 with up to six digits after the second, which JavaScript's Date cuts to three.

/**
 * Negative when `a` is earlier than `b`, positive when later, 0 when equal to the microsecond.
 * Text comparison would not do: CVAT leaves the fraction out when it is zero.
 */
export function compareServerDates(a: string, b: string): number {
  return microseconds(a) - microseconds(b)
}

/** The latest of the dates; null for none. */
export function newestDate(dates: Iterable<string | null>): string | null {
  let newest: string | null = null
  for (const date of dates) {
    if (date !== null && (newest === null || compareServerDates(date, newest) > 0)) newest = date
  }
  return newest
}

/** Microseconds since 1970: exact, since they stay below 2^53 until the year 2255. */
function microseconds(date: string): number {
  const fraction = /\.(\d+)/.exec(date)?.[1] ?? ''
  const wholeSeconds = Date.parse(date.replace(/\.\d+/, ''))
  return wholeSeconds * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}
