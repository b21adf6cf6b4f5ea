// Counts how a backup ended, for every run that waited for it. Safe to repeat.

import type { Logger } from 'pino'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { accountKey, type Outcome } from '#shared/queues/outcomes-queue.ts'
import { type PlanDeps, planBackups, taskOf } from './plan-backups.ts'

export interface OutcomeDeps extends PlanDeps {
  readonly ledger: RunLedger
}

/** Gives the runs that may now be ended. */
export async function takeOutcome(
  outcome: Outcome,
  context: { readonly logger: Logger; readonly signal: AbortSignal },
  deps: OutcomeDeps,
): Promise<string[]> {
  const { ledger } = deps
  const series = accountKey(outcome)
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
  { name, reason = '', alsoBackUp }: Outcome,
  context: { readonly logger: Logger; readonly signal: AbortSignal },
  deps: OutcomeDeps,
): Promise<void> {
  const account = await deps.ledger.read(runId)
  if (!account || account.state === 'interrupted') return
  await deps.ledger.addNote(runId, { series, name, text: reason })
  const { logger } = context
  logger.warn({ run: runId, series, name, tasks: alsoBackUp?.tasks.map(({ id }) => id) }, reason)
  if (!alsoBackUp) return
  const subjects = alsoBackUp.tasks.map((task) => taskOf(task, alsoBackUp.organization))
  const planning = { content: { kind: 'backup' }, full: account.full, how: 'besides' } as const
  await planBackups(runId, subjects, planning, context, deps)
}
