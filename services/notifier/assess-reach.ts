// Whether the others answer, and whether anything is verified at all.

import { describeError } from '#shared/errors/backup-error.ts'
import type { ProbeResult } from '#shared/monitoring/probe.ts'
import type { AlarmKind, Finding } from './alarm.ts'

export function assessReach(
  key: Extract<AlarmKind, 'cvat-unreachable' | 'redis-unreachable'>,
  result: ProbeResult<unknown>,
  holdMs: number,
): Finding {
  if (result.ok) return { is: 'good', key }
  const who = key === 'cvat-unreachable' ? 'CVAT' : 'Redis'
  const title = `${who} has not answered for ${Math.round(holdMs / 60_000)} minutes`
  const more =
    key === 'redis-unreachable' ? ' Nothing is backed up meanwhile, and nothing is known of what is protected.' : ''
  const trouble = { key, kind: key, severity: 'critical' as const, entities: [], failures: {} }
  return { is: 'bad', holdMs, trouble: { ...trouble, title, text: `${describeError(result.error)}.${more}` } }
}

/** @param sinceMs when the newest archive was verified, or when anybody began to look */
export function assessVerified(sinceMs: number, unverifiedMs: number, now: Date): Finding {
  const key = 'nothing-verified'
  if (now.getTime() - sinceMs < unverifiedMs) return { is: 'good', key }
  const hours = Math.round(unverifiedMs / 3_600_000)
  const text = `The last one was at ${new Date(sinceMs).toISOString()}. Do the services run, and has the schedule a line \`verify\`?`
  const title = `nothing was verified for ${hours} hours`
  return { is: 'bad', trouble: { key, kind: key, severity: 'critical', title, text, entities: [], failures: {} } }
}
