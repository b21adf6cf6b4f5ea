// Whether an entity needs a new backup. A pure decision: the listing and the newest good archive in, a reason out.

import { type ChangeDigest, describeChange } from '#shared/model/change-digest.ts'
import type { Subject } from './subject.ts'

export interface Decision {
  readonly action: 'backup' | 'skip' | 'empty'
  readonly reason: string
}

/** What is known of the newest archive of the series that was verified without problems. */
export interface LastGood {
  readonly digest: ChangeDigest
  /** ISO 8601 UTC. */
  readonly createdAt: string
}

export function decideBackup(subject: Subject, lastGood: LastGood | undefined, full: boolean): Decision {
  if (subject.size === 0) return { action: 'empty', reason: 'the task has no data yet' }
  if (full) return { action: 'backup', reason: 'asked for in full' }
  if (!lastGood) return { action: 'backup', reason: 'has no good archive yet' }
  const change = describeChange(lastGood.digest, subject.digest)
  if (change) return { action: 'backup', reason: change }
  return { action: 'skip', reason: `unchanged since its archive of ${lastGood.createdAt}` }
}
