// Ends a run: its summary goes to the log and, as a file, into the backup directory.

import type { Logger } from 'pino'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { type RunSummary, summarise } from '#shared/coordination/summarise-run.ts'
import type { Store } from '#shared/store/open-store.ts'

/** Told of a run's end, and again when a late retry has corrected its numbers. */
export type OnEnded = (
  summary: RunSummary,
  about: { readonly isWhole: boolean; readonly isFirst: boolean },
) => Promise<void>

/** Safe to repeat: a late retry that succeeded rewrites the record with the better numbers. */
export async function endRun(
  runId: string,
  deps: { readonly ledger: RunLedger; readonly store: Pick<Store, 'writeRunRecord'>; readonly onEnded: OnEnded },
  logger: Logger,
): Promise<string> {
  const { ledger, store, onEnded } = deps
  const account = await ledger.read(runId)
  if (!account || account.state === 'listing' || (await ledger.countPending(runId)) > 0) return 'not over yet'
  if (account.state === 'interrupted') return 'interrupted'
  const summary = await summarise(account, ledger)
  if (!isRoutine(summary)) await store.writeRunRecord({ ...summary })
  const first = account.state === 'waiting' && (await ledger.end(runId, 'ended'))
  if (first || account.state === 'ended') await onEnded(summary, { isWhole: account.isWhole, isFirst: first })
  const { failures: _failures, notes: _notes, ...numbers } = summary
  if (account.state === 'ended') logger.info({ run: runId, ...numbers }, 'the record of an ended run was corrected')
  else if (!first) return 'ended by another job'
  else if (summary.ok) logger.info({ run: runId, ...numbers }, 'run ended')
  else logger.error({ run: runId, ...numbers, failures: summary.failures.slice(0, 50) }, 'run ended with failures')
  return summary.ok ? 'all good' : `${summary.failed} failed`
}

/** Of the thousands of small runs that events start, those are recorded that went wrong. */
function isRoutine({ trigger, ok }: RunSummary): boolean {
  return trigger === 'event' && ok
}

/** The backup directory takes no summary, and whoever follows the run must not wait for ever: the log has it instead. */
export async function endUnrecorded(
  runId: string,
  { ledger, onEnded }: { readonly ledger: RunLedger; readonly onEnded: OnEnded },
  err: unknown,
  logger: Logger,
): Promise<void> {
  const account = await ledger.read(runId)
  if (account?.state !== 'waiting' || (await ledger.countPending(runId)) > 0) return
  const summary = await summarise(account, ledger)
  const isFirst = await ledger.end(runId, 'ended')
  await onEnded({ ...summary, ok: false }, { isWhole: account.isWhole, isFirst })
  const { failures, notes: _notes, ...numbers } = summary
  const fields = { run: runId, ...numbers, failures: failures.slice(0, 50), err }
  logger.error(fields, 'run ended, but its summary could not be written into the backup directory')
}
