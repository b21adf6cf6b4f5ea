// The sweeper looks after the backup directory: it removes archives that the retention rules no longer keep, after each
// download and on schedule, and checks stored ones again.

import type { Logger } from 'pino'
import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { checkDirectory } from '#shared/monitoring/checks.ts'
import { collectFreeBytes } from '#shared/monitoring/directory-metrics.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { type SweepPayload, sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { verificationsQueue } from '#shared/queues/verifications-queue.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { assertSwept, sweepAll } from '#shared/retention/sweep-all.ts'
import { type SweepDecision, sweepEntity, type WorkflowSweepDecision } from '#shared/retention/sweep-entity.ts'
import { consume, type JobContext } from '#shared/service/consume.ts'
import { isBackupActive, mayBeActive } from '#shared/service/is-backup-active.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { defineSweepMetrics } from './sweep-metrics.ts'
import { verifyStored } from './verify-stored.ts'

export interface SweeperDeps {
  readonly connection: QueueConnection
  readonly store: Store
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly rules: RetentionRules
  /** CVAT_BACKUP_VERIFY_PASSES. */
  readonly verifyPasses: number
  /** CVAT_BACKUP_STRATEGY is `incremental`: a snapshot may be under way, though there is none yet. */
  readonly isIncremental?: boolean | undefined
}

/** Far less than the time that a snapshot under way is waited for (protect-parts.ts). */
const REFERENCES_KEPT_MS = 15 * 60_000

export async function startSweeper(deps: SweeperDeps): Promise<Service> {
  const { connection, store, rules, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'sweeper' })
  collectFreeBytes(metrics, store)
  const claims = openClaims(connection)
  const sweepMetrics = defineSweepMetrics(metrics.registry)
  const ledger = openRunLedger(connection)

  const isActive = (backupId: string) => isBackupActive(backupId, claims)
  const references = keepFor(REFERENCES_KEPT_MS, () => store.readPartReferences())
  const { isIncremental } = deps
  const handle = async (payload: SweepPayload, context: JobContext<SweepPayload>): Promise<string> => {
    const options = { rules, now: new Date(), dryRun: false, isActive, isIncremental, signal: context.signal }
    const onDecision = (decision: SweepDecision) => {
      sweepMetrics.decided(decision)
      logDecision(decision, context.logger)
    }
    const onWorkflow = (decision: WorkflowSweepDecision) => logWorkflow(decision, context.logger)
    if (payload.entity) {
      let removed = 0
      for await (const decision of sweepEntity(payload.entity, store, { ...options, references })) {
        if ('workflow' in decision) {
          onWorkflow(decision)
          continue
        }
        onDecision(decision)
        if (decision.action === 'remove') removed++
      }
      return `${removed} removed`
    }
    const totals = await sweepAll(store, options, { onDecision, onWorkflow })
    sweepMetrics.swept(totals)
    const { failures: _, ...numbers } = totals
    context.logger.info(numbers, 'swept')
    assertSwept(totals)
    // Last: it stops at a folder that cannot be read, where an interrupted commit may still need its partial file.
    const mayBe = (backupId: string) => mayBeActive(backupId, { claims, ledger }, new Date())
    await store.recover({ isActive: mayBe, signal: context.signal })
    return `${totals.removed} removed of ${totals.entities} entities`
  }

  // One at a time: two sweeps of one folder would only get in each other's way.
  const consumer = consume({
    definition: sweepsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 1,
    handle,
  })
  const verifier = consume({
    definition: verificationsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 1,
    handle: (payload, context) =>
      verifyStored(payload, context, { store, passes: deps.verifyPasses, onEvent: sweepMetrics.verified }),
  })
  logger.info({ rules, verifyPasses: deps.verifyPasses }, 'sweeper is ready')
  return {
    checks: [checkDirectory(store)],
    async close() {
      await Promise.all([consumer.close(), verifier.close()])
    },
  }
}

function logDecision({ archive, action, reasons }: SweepDecision, logger: Logger): void {
  const entity = formatEntity(archive.entity)
  const fields = { entity, file: archive.record.archive.fileName, reason: reasons.join(', ') }
  if (action === 'remove') logger.info(fields, 'archive removed')
  else logger.debug(fields, 'archive kept')
}

function logWorkflow({ workflow, action, reasons }: WorkflowSweepDecision, logger: Logger): void {
  const fields = { entity: formatEntity(workflow.entity), file: workflow.fileName, reason: reasons.join(', ') }
  if (action === 'remove') logger.info(fields, 'workflow removed')
  else logger.debug(fields, 'workflow kept')
}

/** The answer of a while ago while it is good enough; an error is not kept. */
function keepFor<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let kept: { readonly atMs: number; readonly answer: T } | undefined
  return async () => {
    const nowMs = performance.now()
    if (!kept || nowMs - kept.atMs > ms) kept = { atMs: nowMs, answer: await ask() }
    return kept.answer
  }
}
