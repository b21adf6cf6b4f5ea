// How it stands with one project or task: a pure decision from what runs have found out and what is stored.

import { judgeProtection, type ProtectionState } from '#shared/protection/judge-protection.ts'
import type { ProtectionReason } from '#shared/protection/protection-reason.ts'
import type { ProtectionRow } from '#shared/protection/protection-table.ts'
import type { StoredEntity } from './stored-entities.ts'

/** From worst to best: the order in which a person should look at them. */
export const entityStates = [
  'never',
  'failed',
  'incomplete',
  'stale',
  'late',
  'unknown',
  'deleted',
  'excluded',
  'protected',
] as const

/**
 * The four states of protection (docs/decisions/0012-protection-table.md), and: `incomplete`, `stale`: not protected, and the
 * newest archive is not whole, or of an old state; `deleted`: the server no longer has it; `excluded`: the filters leave it
 * out; `unknown`: something of it is stored, and no run has listed it.
 */
export type EntityState = (typeof entityStates)[number]

/** What somebody has to look after. */
export const needingStates: ReadonlySet<EntityState> = new Set(['never', 'failed', 'incomplete', 'stale', 'late'])

export interface EntityFacts {
  /** Of all its series. */
  readonly rows: readonly ProtectionRow[]
  readonly stored: StoredEntity | undefined
  readonly isExcluded: boolean
  /** Whether any whole listing of the server is known. */
  readonly isListingKnown: boolean
  readonly dueAtMsOf: (row: ProtectionRow) => number | undefined
}

export interface EntityJudgement {
  readonly state: EntityState
  /** What led to it; at least one. */
  readonly reasons: readonly ProtectionReason[]
}

export function judgeEntity(facts: EntityFacts): EntityJudgement {
  const { rows, stored, isExcluded, isListingKnown } = facts
  if (rows.length > 0) return judgeListed(facts)
  if (isExcluded) return { state: 'excluded', reasons: [{ is: 'left-out' }] }
  if (stored?.deletedSince !== undefined) {
    return { state: 'deleted', reasons: [{ is: 'gone', atMs: Date.parse(stored.deletedSince) }] }
  }
  return { state: 'unknown', reasons: [{ is: isListingKnown ? 'not-listed' : 'nothing-listed' }] }
}

function judgeListed({ rows, stored, dueAtMsOf }: EntityFacts): EntityJudgement {
  const judged = rows.map((row) => judgeProtection(row, dueAtMsOf(row)))
  const worst = judged.toSorted((a, b) => rank(a.state) - rank(b.state))[0]!
  const fault = worst.state === 'protected' ? undefined : findFault(stored)
  return fault ? { state: fault.state, reasons: [fault.reason, ...worst.reasons] } : worst
}

function rank(state: ProtectionState): number {
  return entityStates.indexOf(state)
}

/** An attempt that gave an archive which is not good tells more than that there is none, or that it failed. */
function findFault(stored: StoredEntity | undefined): { state: EntityState; reason: ProtectionReason } | undefined {
  if (!stored || stored.newest.state === 'good') return undefined
  if (stored.newest.state === 'stale') return { state: 'stale', reason: { is: 'archive-stale' } }
  const isDamaged = stored.newest.state === 'damaged'
  return { state: 'incomplete', reason: { is: isDamaged ? 'archive-damaged' : 'archive-partial' } }
}
