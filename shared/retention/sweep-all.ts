// Sweeps every entity, one after another: one broken folder never stops the others.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type SweepDecision, type SweepOptions, sweepEntity, type WorkflowSweepDecision } from './sweep-entity.ts'

export interface SweepTotals {
  entities: number
  kept: number
  removed: number
  removedBytes: number
  /** Sidecars; counted by themselves. */
  workflowsKept: number
  workflowsRemoved: number
  readonly failures: { entity: string; reason: string }[]
}

export interface SweepObserver {
  onDecision?(decision: SweepDecision): void
  onWorkflow?(decision: WorkflowSweepDecision): void
  onFailure?(entity: EntityRef, error: unknown): void
}

export async function sweepAll(
  store: Pick<
    Store,
    'listEntities' | 'listSeries' | 'readDeletedMarker' | 'removeArchive' | 'recoverEntity' | 'workflows'
  >,
  options: SweepOptions,
  observer: SweepObserver = {},
): Promise<SweepTotals> {
  const totals: SweepTotals = {
    entities: 0,
    kept: 0,
    removed: 0,
    removedBytes: 0,
    workflowsKept: 0,
    workflowsRemoved: 0,
    failures: [],
  }
  for await (const entity of store.listEntities()) {
    options.signal.throwIfAborted()
    totals.entities++
    try {
      for await (const decision of sweepEntity(entity, store, options)) {
        if ('workflow' in decision) {
          totals[decision.action === 'keep' ? 'workflowsKept' : 'workflowsRemoved']++
          observer.onWorkflow?.(decision)
        } else {
          count(decision, totals)
          observer.onDecision?.(decision)
        }
      }
    } catch (error) {
      options.signal.throwIfAborted()
      totals.failures.push({ entity: formatEntity(entity), reason: describeError(error) })
      observer.onFailure?.(entity, error)
    }
  }
  return totals
}

/** @throws BackupError `sweep-failed` naming the entities that could not be swept */
export function assertSwept(totals: SweepTotals): void {
  if (totals.failures.length === 0) return
  const named = totals.failures.slice(0, 10).map(({ entity, reason }) => `${entity}: ${reason}`)
  throw new BackupError(`${totals.failures.length} entities could not be swept: ${named.join('; ')}`, {
    code: 'sweep-failed',
    retryable: true,
  })
}

function count({ action, archive }: SweepDecision, totals: SweepTotals): void {
  if (action === 'keep') {
    totals.kept++
    return
  }
  totals.removed++
  totals.removedBytes += archive.record.archive.sizeBytes
}
