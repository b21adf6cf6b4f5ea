// The rules by which a good archive stays whatever its age. Each is asked about the good archives of one series, from the
// newest to the oldest, and counts for itself: an archive stays if any rule keeps it.

import { type CalendarPeriods, openCalendar, type Period } from './calendar-periods.ts'
import { formatTimeSpan, shiftBySpan, type TimeSpan } from './time-span.ts'

export interface KeepLimits {
  /** So many of the newest. */
  readonly keepLast?: number | undefined
  /** The newest archive of each of the last so many hours that have one; the others alike. */
  readonly keepHourly?: number | undefined
  readonly keepDaily?: number | undefined
  readonly keepWeekly?: number | undefined
  readonly keepMonthly?: number | undefined
  readonly keepYearly?: number | undefined
  /** All that are at most so much older than the newest. */
  readonly keepWithin?: TimeSpan | undefined
  /** IANA name of the zone whose calendar counts; UTC if absent. */
  readonly timeZone?: string | undefined
}

/** Why the archive made at this moment (milliseconds since 1970) stays: `daily 3 of 7`. Undefined: not by this rule. */
export type KeepRule = (createdAtMs: number) => string | undefined

/** Fresh counters for one series. @throws RangeError for a limit that is none */
export function openKeepRules(minimum: number, limits: KeepLimits): KeepRule[] {
  const rules = [keepNewest('minimum', minimum), keepNewest('last', limits.keepLast), keepWithin(limits.keepWithin)]
  const counted = [
    ['hourly', 'hour', limits.keepHourly],
    ['daily', 'day', limits.keepDaily],
    ['weekly', 'week', limits.keepWeekly],
    ['monthly', 'month', limits.keepMonthly],
    ['yearly', 'year', limits.keepYearly],
  ] as const
  if (counted.every(([, , limit]) => !limit)) return rules
  const periodsOf = rememberLast(openCalendar(limits.timeZone ?? 'UTC'))
  return [...rules, ...counted.map(([name, period, limit]) => keepNewestOfEach(name, period, limit, periodsOf))]
}

function keepNewest(name: string, limit = 0): KeepRule {
  assertLimit(limit)
  let count = 0
  return () => {
    count += 1
    return count <= limit ? `${name} ${count} of ${limit}` : undefined
  }
}

function keepNewestOfEach(
  name: string,
  period: Period,
  limit = 0,
  periodsOf: (ms: number) => CalendarPeriods,
): KeepRule {
  assertLimit(limit)
  // All that were seen, not only the last one: where clocks are set back over midnight, a day goes on after the next.
  const seen = new Set<string>()
  return (createdAtMs) => {
    if (seen.size >= limit) return undefined
    const key = periodsOf(createdAtMs)[period]
    if (seen.has(key)) return undefined
    seen.add(key)
    return `${name} ${seen.size} of ${limit}`
  }
}

/** Counted back from the newest and not from now: what has not changed for long keeps its history. */
function keepWithin(span: TimeSpan | undefined): KeepRule {
  let fromMs: number | undefined
  return (createdAtMs) => {
    if (!span) return undefined
    fromMs ??= shiftBySpan(createdAtMs, span, -1)
    return createdAtMs >= fromMs ? `within ${formatTimeSpan(span)} of the newest` : undefined
  }
}

/** Five rules ask about the same moment, one after another. */
function rememberLast(periodsOf: (ms: number) => CalendarPeriods): (ms: number) => CalendarPeriods {
  let last: { ms: number; periods: CalendarPeriods } | undefined
  return (ms) => {
    if (last?.ms !== ms) last = { ms, periods: periodsOf(ms) }
    return last.periods
  }
}

function assertLimit(limit: number): void {
  if (!(limit >= 0)) throw new RangeError('Retention limits must not be negative')
}
