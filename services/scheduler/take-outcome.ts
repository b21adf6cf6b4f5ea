// Counts how a backup ended, for every run that waited for it. Safe to repeat.

import type { Logger } from 'pino'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { formatSeries } from '#shared/model/series.ts'
import type { Attempt, ProtectionTable } from '#shared/protection/protection-table.ts'
import { accountKey, type Outcome } from '#shared/queues/outcomes-queue.ts'
import { type PlanDeps, planBackups, taskOf } from './plan-backups.ts'

export interface OutcomeDeps extends PlanDeps {
  readonly ledger: RunLedger
  readonly protection: Pick<ProtectionTable, 'noteListed' | 'noteAttempt'>
}

/** Gives the runs that may now be ended. */
export async function takeOutcome(
  outcome: Outcome,
  context: { readonly logger: Logger; readonly signal: AbortSignal },
  deps: OutcomeDeps,
): Promise<string[]> {
  const { ledger } = deps
  const series = accountKey(outcome)
  if (outcome.result === 'parts') {
    const { runs } = await ledger.waiting(series, outcome)
    for (const runId of runs) await enterTasks(runId, series, outcome, context, deps)
    return []
  }
  const attempt = attemptOf(outcome)
  if (attempt) await deps.protection.noteAttempt(formatSeries(outcome.series), attempt)
  const isGood = outcome.result === 'done' || outcome.result === 'noted'
  if (!isGood || outcome.reason === undefined) return ledger.settle(series, outcome)
  const entered = new Set<string>()
  for (;;) {
    context.signal.throwIfAborted()
    const waiting = await ledger.waiting(series, outcome)
    // Before the backup counts as done: a run in which nothing is awaited would end.
    for (const runId of waiting.runs) {
      if (!entered.has(runId)) await enterTasks(runId, series, outcome, context, deps)
      entered.add(runId)
    }
    const ended = await ledger.settleIfSame(series, outcome, waiting)
    if (ended) return ended
  }
}

/** Tasks of which the archive holds an old state become part of the run: each with a claim of its own, if it needs one. */
async function enterTasks(
  runId: string,
  series: string,
  { name, result, reason = '', alsoBackUp }: Outcome,
  context: { readonly logger: Logger; readonly signal: AbortSignal },
  deps: OutcomeDeps,
): Promise<void> {
  const account = await deps.ledger.read(runId)
  if (!account || account.state === 'interrupted') return
  const { logger } = context
  if (result !== 'parts') {
    await deps.ledger.addNote(runId, { series, name, text: reason })
    logger.warn({ run: runId, series, name, tasks: alsoBackUp?.tasks.map(({ id }) => id) }, reason)
  }
  if (!alsoBackUp) return
  const subjects = alsoBackUp.tasks.map((task) => taskOf(task, alsoBackUp.organization))
  const { full, mode, startedAtMs } = account
  const partsRound = result === 'parts' ? (alsoBackUp.round ?? 1) : undefined
  const planning = { content: { kind: 'backup' }, full, mode, startedAtMs, how: 'besides', partsRound } as const
  await planBackups(runId, subjects, planning, context, deps)
}

/**
 * What the outcome says about the entity's protection: nothing where the workflow alone was to be noted, well or not, since
 * its archive is of the present state. Outcomes of earlier versions do not say when their archive was made: it was just now.
 */
function attemptOf(outcome: Outcome): Attempt | undefined {
  const { result, isWorkflow, code = 'unknown', reason = '', sizeBytes, archive } = outcome
  if (isWorkflow || result === 'noted' || result === 'parts') return undefined
  if (result === 'failed') return { result, code, reason }
  if (result === 'empty') return { result }
  const createdAtMs = archive ? Date.parse(archive.createdAt) : Date.now()
  return { result, archive: { createdAtMs, sizeBytes, level: archive?.level } }
}
