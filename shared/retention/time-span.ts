// Spans of time as people write them: `30d`, `12h`, `1y6m`. Months and years are those of the calendar.

import { InvalidValue, valueSchema } from '#shared/config/value-schemas.ts'

export interface TimeSpan {
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

/** Most digits of a number in a span: a thousand years are for ever. */
const pattern = /^(?:(\d{1,3})y)?(?:(\d{1,4})m)?(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?$/i

export function timeSpan() {
  return valueSchema('numbers with the units `y`, `m` (months), `w`, `d`, `h`, in this order', (text) => {
    const parts = pattern.exec(text)?.slice(1)
    if (!parts || parts.every((part) => part === undefined)) {
      throw new InvalidValue('', 'Write it like 30d, 12h or 1y6m')
    }
    const [years = 0, months = 0, weeks = 0, days = 0, hours = 0] = parts.map((part) => Number(part ?? 0))
    return { years, months, days: weeks * 7 + days, hours } satisfies TimeSpan
  })
}

/** `1y6m`; `0h` for nothing. */
export function formatTimeSpan({ years, months, days, hours }: TimeSpan): string {
  const units = [
    [years, 'y'],
    [months, 'm'],
    [days, 'd'],
    [hours, 'h'],
  ] as const
  return units.flatMap(([count, unit]) => (count > 0 ? [`${count}${unit}`] : [])).join('') || '0h'
}

/**
 * The moment a span later (`direction` 1) or earlier (-1), in milliseconds since 1970. Years and months are counted in
 * UTC; where the month has no such day, its last one is taken. A day is 24 hours.
 */
export function shiftBySpan(fromMs: number, span: TimeSpan, direction: 1 | -1): number {
  const date = new Date(fromMs)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + direction * (span.years * 12 + span.months))
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, lastDay))
  return date.getTime() + direction * (span.days * 24 + span.hours) * 3_600_000
}
