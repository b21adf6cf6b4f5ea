// Ends a run: its summary goes to the log and, as a file, into the backup directory.

import type { Logger } from 'pino'
import type { Failure, RunAccount, RunLedger } from '#shared/coordination/run-ledger.ts'
import type { Store } from '#shared/store/open-store.ts'

/** Failures written into a run's record; more are counted. Bounds memory where a whole server is unreachable. */
const FAILURES_KEPT = 1_000

export interface RunSummary {
  readonly formatVersion: 1
  readonly type: 'run'
  readonly runId: string
  readonly mode: RunAccount['mode']
  readonly full: boolean
  readonly trigger: RunAccount['trigger']
  readonly startedAt: string
  readonly endedAt: string
  readonly durationSeconds: number
  readonly ok: boolean
  readonly listingError: string | null
  readonly total: number
  readonly done: number
  readonly skipped: number
  readonly empty: number
  readonly failed: number
  readonly sizeBytes: number
  /** The first thousand, each with its reason. */
  readonly failures: readonly Failure[]
}

/** Safe to repeat: a late retry that succeeded rewrites the record with the better numbers. */
export async function endRun(
  runId: string,
  deps: { readonly ledger: RunLedger; readonly store: Pick<Store, 'writeRunRecord'> },
  logger: Logger,
): Promise<string> {
  const { ledger, store } = deps
  const account = await ledger.read(runId)
  if (!account || account.state === 'listing' || (await ledger.countPending(runId)) > 0) return 'not over yet'
  if (account.state === 'interrupted') return 'interrupted'
  const summary = await summarise(account, ledger)
  await store.writeRunRecord({ ...summary })
  const first = account.state === 'waiting' && (await ledger.end(runId, 'ended'))
  const { failures: _, ...numbers } = summary
  if (account.state === 'ended') logger.info({ run: runId, ...numbers }, 'the record of an ended run was corrected')
  else if (!first) return 'ended by another job'
  else if (summary.ok) logger.info({ run: runId, ...numbers }, 'run ended')
  else logger.error({ run: runId, ...numbers, failures: summary.failures.slice(0, 50) }, 'run ended with failures')
  return summary.ok ? 'all good' : `${summary.failed} failed`
}

/** The account as the summary that logs, records and the command line show. */
export async function summarise(account: RunAccount, ledger: Pick<RunLedger, 'failures'>): Promise<RunSummary> {
  const endedAtMs = account.endedAtMs ?? Date.now()
  const failures: Failure[] = []
  for await (const failure of ledger.failures(account.runId)) {
    if (failures.length >= FAILURES_KEPT) break
    failures.push(failure)
  }
  failures.sort((a, b) => a.series.localeCompare(b.series, 'en', { numeric: true }))
  return {
    formatVersion: 1,
    type: 'run',
    runId: account.runId,
    mode: account.mode,
    full: account.full,
    trigger: account.trigger,
    startedAt: new Date(account.startedAtMs).toISOString(),
    endedAt: new Date(endedAtMs).toISOString(),
    durationSeconds: Math.round((endedAtMs - account.startedAtMs) / 100) / 10,
    ok: account.failed === 0 && account.listingError === undefined && account.state !== 'interrupted',
    listingError: account.listingError ?? null,
    total: account.total,
    done: account.done,
    skipped: account.skipped,
    empty: account.empty,
    failed: account.failed,
    sizeBytes: account.sizeBytes,
    failures,
  }
}
