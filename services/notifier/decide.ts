// Which findings people are told of. A pure decision: what was told, what was found and the time in; what is to be told out.

import type { Finding, Trouble } from './alarm.ts'
import type { Change } from './message.ts'
import type { NotifierState } from './state.ts'

/** That more are concerned is told no more often than this. */
const MORE_AFTER_MS = 3600_000
/** What comes back so soon after it was well again has to last for a while before it is told once more. */
const FLAPPING_MS = 3600_000
const FLAPPING_HOLD_MS = 15 * 60_000

type Told = Pick<NotifierState, 'open' | 'pending' | 'cleared'>

export interface Decision extends Told {
  /** All in one message; none: nothing is told. */
  readonly changes: readonly Change[]
}

/** Whatever lasts is told once, and once that it is over. What is not known changes nothing. */
export function decide(told: Told, findings: readonly Finding[], nowMs: number): Decision {
  const next = { open: { ...told.open }, pending: { ...told.pending }, cleared: { ...told.cleared } }
  const changes: Change[] = []
  for (const finding of findings) {
    if (finding.is === 'unknown') continue
    const key = finding.is === 'bad' ? finding.trouble.key : finding.key
    const open = next.open[key]
    if (finding.is !== 'bad') {
      delete next.pending[key]
      if (!open) continue
      delete next.open[key]
      next.cleared[key] = nowMs
      changes.push(change('cleared', open.trouble, open.sinceMs))
      continue
    }
    const { trouble, holdMs = 0 } = finding
    const count = trouble.count ?? 0
    if (open) {
      const isMore = count > open.toldCount && nowMs - open.toldAtMs >= MORE_AFTER_MS
      next.open[key] = { ...open, trouble, ...(isMore ? { toldAtMs: nowMs, toldCount: count } : {}) }
      if (isMore) changes.push(change('more', trouble, open.sinceMs))
      continue
    }
    const sinceMs = next.pending[key] ?? nowMs
    next.pending[key] = sinceMs
    const isFlapping = nowMs - (next.cleared[key] ?? Number.NEGATIVE_INFINITY) < FLAPPING_MS
    if (nowMs - sinceMs < Math.max(holdMs, isFlapping ? FLAPPING_HOLD_MS : 0)) continue
    delete next.pending[key]
    next.open[key] = { trouble, sinceMs, toldAtMs: nowMs, toldCount: count }
    changes.push(change('raised', trouble, sinceMs))
  }
  return { ...next, changes }
}

function change(what: Change['change'], alarm: Trouble, sinceMs: number): Change {
  return { change: what, alarm, since: new Date(sinceMs).toISOString() }
}
