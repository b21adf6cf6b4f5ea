// What retention has decided about one entity, and what snapshots that are made of its archives, and archives that take their
// media from others, say to it.

import type { Store } from '#shared/store/open-store.ts'
import type { PartReferences } from '#shared/store/part-references.ts'
import type { StoredArchive, Unrecognised } from '#shared/store/stored-archive.ts'
import type { RetentionDecision } from './plan-retention.ts'
import { protectMedia } from './protect-media.ts'
import { protectParts } from './protect-parts.ts'

export interface ProtectOptions {
  readonly now: Date
  readonly signal?: AbortSignal | undefined
  /** Snapshots are being made, perhaps the first of all. */
  readonly isIncremental?: boolean | undefined
  /** Those of the whole directory, where they are needed for many entities. */
  readonly references?: (() => Promise<PartReferences>) | undefined
}

/**
 * Of one series of one server; references are read only where a task's backup would go. Archives are listed before: what is
 * named only after that was the newest archive then, and is none that would go.
 *
 * @param unrecognised what else lies in the folder
 */
export async function protectTask(
  plan: readonly RetentionDecision<StoredArchive>[],
  unrecognised: readonly Unrecognised[],
  store: Pick<Store, 'readPartReferences'>,
  { now, signal, isIncremental = false, references }: ProtectOptions,
): Promise<readonly RetentionDecision<StoredArchive>[]> {
  const first = plan[0]?.archive
  if (first?.entity.type !== 'task' || first.record.series.content.kind !== 'backup') return plan
  if (plan.every(({ action }) => action === 'keep')) return plan
  const found = await (references ?? (() => store.readPartReferences({ signal })))()
  const parts = protectParts(plan, { taskId: first.entity.id, references: found, now, isIncremental })
  return protectMedia(parts, unrecognised)
}
