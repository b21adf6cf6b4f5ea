// How it stands with one project or task: a pure decision from what runs have found out and what is stored.

import { judgeProtection, type ProtectionState } from '#shared/protection/judge-protection.ts'
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
  /** What led to it, for people; at least one. */
  readonly reasons: readonly string[]
}

export function judgeEntity(facts: EntityFacts): EntityJudgement {
  const { rows, stored, isExcluded, isListingKnown } = facts
  if (rows.length > 0) return judgeListed(facts)
  if (isExcluded) return { state: 'excluded', reasons: ['the filters leave it out'] }
  if (stored?.deletedSince !== undefined) {
    return {
      state: 'deleted',
      reasons: [`the server no longer has it (noticed on ${stored.deletedSince.slice(0, 10)})`],
    }
  }
  const why = isListingKnown
    ? 'the last run of everything has not listed it: part of a project, of another server, or no longer backed up'
    : 'no run has listed the server yet, so nothing is known but what is stored'
  return { state: 'unknown', reasons: [why] }
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
function findFault(stored: StoredEntity | undefined): { state: EntityState; reason: string } | undefined {
  if (!stored || stored.newest.state === 'good') return undefined
  if (stored.newest.state === 'stale') {
    return { state: 'stale', reason: 'the newest archive is of an old state: CVAT served a file that it had kept' }
  }
  const reason = stored.newest.state === 'damaged' ? 'the newest archive is damaged' : 'the newest archive is not whole'
  return { state: 'incomplete', reason }
}
