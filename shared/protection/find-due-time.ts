// By when something that runs by the schedule should have been found protected. Pure: the schedule and `now` in, a time out.

import { CronExpressionParser } from 'cron-parser'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { ProtectionAccount, ProtectionRow } from './protection-table.ts'

/** Clocks of several machines differ: a run must not be too early for the time at which it began. */
const GRACE_MS = 60_000

export type DueTimes = Readonly<Partial<Record<Mode, number>>>

/**
 * For each mode in the schedule the time before the last at which a run of it began, over all its lines. The last run may
 * still be under way; who was not found protected since the one before, less a minute, has missed a whole interval.
 */
export function findDueTimes(
  { schedules, timeZone }: Pick<ProtectionAccount, 'schedules' | 'timeZone'>,
  now: Date,
): DueTimes {
  const byMode = Map.groupBy(schedules, ({ mode }) => mode)
  const due = [...byMode].flatMap(([mode, lines]) => {
    const times = new Set(lines.flatMap(({ cron }) => lastTwoTimes(cron, timeZone, now)))
    const last = [...times].sort((a, b) => b - a)[1]
    return last === undefined ? [] : [[mode, last - GRACE_MS] as const]
  })
  return Object.fromEntries(due)
}

/** What a row is held to: the strictest of the modes that list it. Undefined: none of them runs by the schedule. */
export function dueTimeOf({ listedAtMs }: Pick<ProtectionRow, 'listedAtMs'>, due: DueTimes): number | undefined {
  const times = (Object.keys(listedAtMs) as Mode[]).flatMap((mode) => due[mode] ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}

/** A line that never comes, like the 30th of February, has none. */
function lastTwoTimes(cron: string, timeZone: string, now: Date): number[] {
  try {
    const expression = CronExpressionParser.parse(cron, { currentDate: now, tz: timeZone })
    return [expression.prev().getTime(), expression.prev().getTime()]
  } catch {
    return []
  }
}
