// Applies the retention rules to one entity's archives and their sidecars. The rules decide (plan-retention), this only carries out.

import type { EntityRef } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { PartReferences } from '#shared/store/part-references.ts'
import type { StoredWorkflow } from '#shared/store/read-workflow.ts'
import type { RecoveryOptions } from '#shared/store/recover-entity.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { planRetention, type RetentionDecision, type RetentionRules } from './plan-retention.ts'
import { planWorkflowRetention, type WorkflowDecision } from './plan-workflow-retention.ts'
import { removableOrder } from './protect-media.ts'
import { protectTask } from './protect-task.ts'

export type SweepDecision = RetentionDecision<StoredArchive>
export type WorkflowSweepDecision = WorkflowDecision<StoredWorkflow>

export interface SweepOptions extends Pick<RecoveryOptions, 'isActive'> {
  readonly rules: RetentionRules
  readonly now: Date
  /** Decide and tell, remove nothing. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
  /** What the snapshots of all projects are made of, where it was read a while ago; read anew when absent. */
  readonly references?: (() => Promise<PartReferences>) | undefined
  /** CVAT_BACKUP_STRATEGY is `incremental`. */
  readonly isIncremental?: boolean | undefined
}

export type SweepStore = Pick<
  Store,
  'listSeries' | 'readDeletedMarker' | 'removeArchive' | 'recoverEntity' | 'workflows' | 'readPartReferences'
>

/**
 * Yields each decision after it was carried out; a fault while removing throws and leaves the rest for the next time. In
 * the end records without archive are looked after, which a sweep or a commit that was killed has left.
 */
export async function* sweepEntity(
  entity: EntityRef,
  store: SweepStore,
  options: SweepOptions,
): AsyncGenerator<SweepDecision | WorkflowSweepDecision> {
  const kept: StoredArchive[] = []
  const { series, unrecognised, hasMarkers, hasWorkflows } = await store.listSeries(entity)
  for (const { archives, serverUrl } of series) {
    const marker = hasMarkers ? await store.readDeletedMarker(entity, serverUrl) : undefined
    const plan = planRetention(archives, { ...options.rules, now: options.now, deletedSince: marker?.since })
    for (const decision of removableOrder(await protectTask(plan, unrecognised, store, options))) {
      options.signal.throwIfAborted()
      if (decision.action === 'remove' && !options.dryRun) await store.removeArchive(decision.archive)
      if (decision.action === 'keep') kept.push(decision.archive)
      yield decision
    }
  }
  // Listed after the archives: a sidecar whose archive has come since is the newest, and stays.
  const { workflows } = hasWorkflows ? await store.workflows.list(entity) : { workflows: [] }
  for (const decision of planWorkflowRetention(workflows, kept, options.now)) {
    options.signal.throwIfAborted()
    if (decision.action === 'remove' && !options.dryRun) await store.workflows.remove(decision.workflow)
    yield decision
  }
  const isBroken = unrecognised.some(({ reason }) => reason === 'record-without-archive')
  if (isBroken && !options.dryRun) await store.recoverEntity(entity, options)
}
