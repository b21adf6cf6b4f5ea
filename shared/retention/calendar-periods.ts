// Which hour, day, week, month and year a moment is in, by the calendar of a time zone.

/** One key for each period: equal for two moments in the same one. */
export interface CalendarPeriods {
  readonly hour: string
  readonly day: string
  /** ISO 8601: from Monday; the first week of a year is the one with its first Thursday. */
  readonly week: string
  readonly month: string
  readonly year: string
}

export type Period = keyof CalendarPeriods

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** By time zone: making one takes ten times as long as using it, and every series asks for the same. */
const formats = new Map<string, Intl.DateTimeFormat>()

/** For moments given in milliseconds since 1970. @throws RangeError for a time zone that is not known */
export function openCalendar(timeZone: string): (ms: number) => CalendarPeriods {
  const format = openFormat(timeZone)
  return (ms) => {
    const localMs = readClock(format, ms)
    const local = new Date(localMs).toISOString()
    const day = local.slice(0, 10)
    // When clocks are set back an hour comes twice; by the offset the second is told from the first.
    const offsetMinutes = Math.round((localMs - ms) / 60_000)
    return {
      hour: `${local.slice(0, 13)} ${offsetMinutes}`,
      day,
      week: findIsoWeek(day),
      month: local.slice(0, 7),
      year: local.slice(0, 4),
    }
  }
}

function openFormat(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  const locale = 'en-u-ca-gregory-nu-latn'
  const format = new Intl.DateTimeFormat(locale, { timeZone, hourCycle: 'h23', ...fields, second: 'numeric' })
  formats.set(timeZone, format)
  return format
}

/** What a clock on the wall shows, as if it were UTC. */
function readClock(format: Intl.DateTimeFormat, ms: number): number {
  const shown: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of format.formatToParts(ms)) shown[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
  return new Date(0).setUTCFullYear(year, month - 1, day) + hour * HOUR_MS + minute * 60_000 + second * 1000
}

/** `2026-W53`: a week belongs to the year that its Thursday is in. */
function findIsoWeek(day: string): string {
  const date = new Date(`${day}T00:00:00Z`)
  const daysSinceMonday = (date.getUTCDay() + 6) % 7
  const thursday = new Date(date.getTime() + (3 - daysSinceMonday) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const dayOfYear = (thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS
  return `${year}-W${String(Math.floor(dayOfYear / 7) + 1).padStart(2, '0')}`
}
