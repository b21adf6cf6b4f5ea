// Looks after the runs under way: nothing may stay awaited for ever because its job was removed by hand, because Redis
// dropped it, or because a process died between two steps.

import type { Logger } from 'pino'
import type { Claims } from '#shared/coordination/claims.ts'
import type { RunAccount, RunLedger } from '#shared/coordination/run-ledger.ts'
import { parseEntity } from '#shared/model/entity.ts'
import type { ProtectionTable } from '#shared/protection/protection-table.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { RunPayload } from '#shared/queues/runs-queue.ts'

export interface WatchDeps {
  readonly ledger: RunLedger
  readonly claims: Claims
  readonly protection: Pick<ProtectionTable, 'noteAttempt'>
  readonly runs: OpenQueue<RunPayload>
  readonly exports: Pick<OpenQueue<unknown>, 'bull'>
  readonly downloads: Pick<OpenQueue<unknown>, 'bull'>
  readonly workflows: Pick<OpenQueue<unknown>, 'bull'>
  readonly snapshots: Pick<OpenQueue<unknown>, 'bull'>
  readonly outcomes: Pick<OpenQueue<unknown>, 'bull'>
  readonly logger: Logger
}

/** A claim younger than this may be between two jobs: added to the next queue, its first handler not yet begun. */
const GRACE_MS = 60_000
const ALIVE = new Set(['waiting', 'active', 'delayed', 'prioritized', 'waiting-children', 'paused'])

export async function watchRuns(deps: WatchDeps, signal: AbortSignal): Promise<string> {
  const unfinished = await deps.ledger.unfinished()
  for (const run of unfinished) {
    signal.throwIfAborted()
    if (run.state === 'listing') await watchListing(run, deps)
    else await watchPending(run, deps, signal)
  }
  return `${unfinished.length} under way`
}

async function watchListing(run: RunAccount, deps: WatchDeps): Promise<void> {
  if (Date.now() - run.startedAtMs < GRACE_MS) return
  const state = await deps.runs.bull.getJobState(run.jobId)
  if (ALIVE.has(state)) return
  await deps.ledger.endListing(run.runId, 'listing the entities broke off: its job is gone')
}

async function watchPending(run: RunAccount, deps: WatchDeps, signal: AbortSignal): Promise<void> {
  for await (const { series, backupId } of deps.ledger.pending(run.runId)) {
    signal.throwIfAborted()
    const claim = await deps.claims.read(series)
    if (claim?.backupId === backupId) {
      if (Date.now() - claim.changedAtMs < GRACE_MS) continue
      const queue = queueOf(claim.queue, deps)
      if (ALIVE.has(await queue.bull.getJobState(claim.jobId))) continue
      // A job that has ended has told its outcome before; after a pause of the scheduler many are still to be counted.
      if ((await deps.outcomes.bull.getJobCountByTypes('waiting', 'active', 'delayed')) > 0) continue
    } else if (Date.now() - run.startedAtMs < GRACE_MS) continue
    await settleAsLost(run.runId, series, backupId, deps)
  }
  if ((await deps.ledger.countPending(run.runId)) === 0) {
    await deps.runs.add({ name: `end ${run.runId}`, payload: { do: 'end-run', runId: run.runId } })
  }
}

function queueOf(
  name: string,
  { exports, downloads, workflows, snapshots }: WatchDeps,
): Pick<OpenQueue<unknown>, 'bull'> {
  if (name === 'workflows') return workflows
  if (name === 'snapshots') return snapshots
  return name === 'downloads' ? downloads : exports
}

async function settleAsLost(runId: string, series: string, backupId: string, deps: WatchDeps): Promise<void> {
  const entity = parseEntity(series.split('.')[0] ?? '')
  if (!entity) return
  deps.logger.error({ run: runId, series }, 'a backup is awaited but no job carries it any more')
  const reason = 'its job vanished from the queue'
  // The key of a workflow has no row there: whatever becomes of it, the archive is of the present state.
  await deps.protection.noteAttempt(series, { result: 'failed', code: 'job-lost', reason })
  await deps.ledger.settle(series, {
    backupId,
    runId,
    series: { entity, content: { kind: 'backup' } },
    name: series,
    result: 'failed',
    sizeBytes: 0,
    reason,
    code: 'job-lost',
    hint: 'It was removed by hand or Redis lost it; the next run backs it up.',
  })
}
