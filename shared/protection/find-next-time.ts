// When something is looked after next by the schedule. Pure: the schedule and `now` in, times out.

import { CronExpressionParser } from 'cron-parser'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { ProtectionAccount, ProtectionRow } from './protection-table.ts'

/** Milliseconds since 1970 of the next run of each mode in the schedule. */
export type NextTimes = Readonly<Partial<Record<Mode, number>>>

export function findNextTimes(
  { schedules, timeZone }: Pick<ProtectionAccount, 'schedules' | 'timeZone'>,
  now: Date,
): NextTimes {
  const times: Partial<Record<Mode, number>> = {}
  for (const { mode, cron } of schedules) {
    const atMs = nextTime(cron, timeZone, now)
    if (atMs !== undefined) times[mode] = Math.min(times[mode] ?? atMs, atMs)
  }
  return times
}

/** The first of the modes that list it. Undefined: none of them runs by the schedule. */
export function nextTimeOf({ listedAtMs }: Pick<ProtectionRow, 'listedAtMs'>, times: NextTimes): number | undefined {
  const own = (Object.keys(listedAtMs) as Mode[]).flatMap((mode) => times[mode] ?? [])
  return own.length === 0 ? undefined : Math.min(...own)
}

/** A line that never comes, like the 30th of February, has none. */
function nextTime(cron: string, timeZone: string, now: Date): number | undefined {
  try {
    return CronExpressionParser.parse(cron, { currentDate: now, tz: timeZone }).next().getTime()
  } catch {
    return undefined
  }
}
