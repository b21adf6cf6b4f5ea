// Takes back the removal of a task's archive that a snapshot is made of, or that one under way may be made of. Pure.

import type { PartReferences } from '#shared/store/part-references.ts'
import { isGood } from '#shared/store/record.ts'
import type { RetentionDecision, RetentionSubject } from './plan-retention.ts'

/**
 * How long an archive stays after it has ceased to be the newest good one, by the time when its successor was asked for. A
 * snapshot under way takes the newest good one only and is committed within an hour (downloader); an export takes a day at most.
 */
const SUCCESSION_MS = 48 * 3600_000

export interface PartProtection {
  readonly taskId: number
  readonly references: PartReferences
  readonly now: Date
  /** Snapshots are being made, perhaps the first of all: whether there are some or not. */
  readonly isIncremental: boolean
}

/**
 * Decisions about the backups of one task on one server, as planRetention makes them; only removals change. Nothing that a
 * snapshot's record names is removed, and nothing at all while some snapshot cannot be read.
 */
export function protectParts<Archive extends RetentionSubject>(
  decisions: readonly RetentionDecision<Archive>[],
  { taskId, references, now, isIncremental }: PartProtection,
): RetentionDecision<Archive>[] {
  const areMade = isIncremental || references.snapshots > 0
  // Newest first: the good one just before in this order is what took an archive's place.
  let successorMs = Number.NEGATIVE_INFINITY
  return decisions.map((decision) => {
    const { record } = decision.archive
    const isYoung = now.getTime() - successorMs <= SUCCESSION_MS
    if (isGood(record)) successorMs = Date.parse(record.createdAt)
    if (decision.action === 'keep') return decision
    const reasons = [
      ...(references.has(taskId, record.archive.fileName) ? ['a snapshot is made of it'] : []),
      ...(references.unreadable.length > 0 ? ['a snapshot that cannot be read may be made of it'] : []),
      ...(areMade && isYoung ? ['a snapshot under way may be made of it: its successor is younger than two days'] : []),
    ]
    return reasons.length === 0 ? decision : { ...decision, action: 'keep', reasons }
  })
}
