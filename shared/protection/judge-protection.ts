// Whether an entity is protected. A pure decision: a row and a time in, a state with its reasons out.

import type { ProtectionReason } from './protection-reason.ts'
import type { ProtectionRow } from './protection-table.ts'

/** From worst to best. */
export const protectionStates = ['never', 'failed', 'late', 'protected'] as const

/**
 * `never`: there is no good archive. `failed`: there is one, but the last attempt to make a newer one failed. `late`: for
 * longer than a whole interval of the schedule nobody has found it protected. `protected`: the newest good archive shows it as
 * it was when it was last looked at.
 */
export type ProtectionState = (typeof protectionStates)[number]

export interface Judgement {
  readonly state: ProtectionState
  /** What led to the state; at least one. */
  readonly reasons: readonly ProtectionReason[]
}

type Judged = Pick<ProtectionRow, 'isEmpty' | 'protectedAtMs' | 'archive' | 'failure'>

/**
 * @param dueAtMs by when it should have been found protected at the latest (findDueTime); undefined: nothing says when
 */
export function judgeProtection(row: Judged, dueAtMs: number | undefined): Judgement {
  const { isEmpty, archive, failure, protectedAtMs } = row
  const failed: ProtectionReason[] = failure ? [{ is: 'attempt-failed', atMs: failure.atMs, code: failure.code }] : []
  if (!archive && !isEmpty) return { state: 'never', reasons: [{ is: 'no-archive' }, ...failed] }
  const last = protectedAtMs ?? archive?.createdAtMs
  const isLate = dueAtMs !== undefined && (last === undefined || last < dueAtMs)
  const late: ProtectionReason[] = isLate ? [{ is: 'overdue', lastAtMs: last, dueAtMs }] : []
  if (failure) return { state: 'failed', reasons: [...failed, ...late] }
  if (isLate) return { state: 'late', reasons: late }
  if (isEmpty) return { state: 'protected', reasons: [{ is: 'no-data' }] }
  return { state: 'protected', reasons: [{ is: 'found-protected', atMs: last ?? 0 }] }
}
