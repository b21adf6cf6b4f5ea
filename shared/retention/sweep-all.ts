// Sweeps every entity, one after another: one broken folder never stops the others.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { PartReferences, UnreadableSnapshot } from '#shared/store/part-references.ts'
import { isSnapshot } from '#shared/store/record.ts'
import {
  type SweepDecision,
  type SweepOptions,
  type SweepStore,
  sweepEntity,
  type WorkflowSweepDecision,
} from './sweep-entity.ts'

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
  store: SweepStore & Pick<Store, 'listEntities'>,
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
  // A dry run tells of parts, too, what would be once these are gone.
  const goneInDryRun = new Set<string>()
  let reading: Promise<PartReferences> | undefined
  const references = () => {
    reading ??= store.readPartReferences({ without: goneInDryRun, signal: options.signal })
    return reading
  }
  // Projects first: of what their snapshots no longer need the tasks' folders are rid in the same sweep.
  for await (const entity of projectsFirst(store)) {
    options.signal.throwIfAborted()
    totals.entities++
    try {
      for await (const decision of sweepEntity(entity, store, { ...options, references })) {
        if ('workflow' in decision) {
          totals[decision.action === 'keep' ? 'workflowsKept' : 'workflowsRemoved']++
          observer.onWorkflow?.(decision)
        } else {
          count(decision, totals)
          const { action, archive } = decision
          if (options.dryRun && action === 'remove' && isSnapshot(archive.record)) goneInDryRun.add(archive.recordPath)
          observer.onDecision?.(decision)
        }
      }
    } catch (error) {
      options.signal.throwIfAborted()
      totals.failures.push({ entity: formatEntity(entity), reason: describeError(error) })
      observer.onFailure?.(entity, error)
    }
  }
  for (const unreadable of (await reading?.catch(() => undefined))?.unreadable ?? []) {
    const error = explainUnreadable(unreadable)
    totals.failures.push({ entity: formatEntity(unreadable.entity), reason: describeError(error) })
    observer.onFailure?.(unreadable.entity, error)
  }
  return totals
}

function explainUnreadable({ path, reason }: UnreadableSnapshot): BackupError {
  return new BackupError(`${path} cannot be read, so no archive of a task was removed that it may name: ${reason}`, {
    code: 'unreadable-snapshot',
    retryable: false,
    hint: 'Put the file back from another copy of the backup directory, or remove the snapshot: both files of that name.',
  })
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

/** Two walks through the directory and nothing in memory. */
async function* projectsFirst(store: Pick<Store, 'listEntities'>): AsyncGenerator<EntityRef> {
  for (const type of ['project', 'task'] as const) {
    for await (const entity of store.listEntities()) if (entity.type === type) yield entity
  }
}
