// A run's account as people and programs read it: with its failures and notes, in bounded memory.

import type { Failure, RunAccount, RunLedger, RunNote } from './run-ledger.ts'

/** Failures (and notes) written into a run's record; more are counted. Bounds memory where a server is unreachable. */
const ROWS_KEPT = 1_000

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
  /** Unchanged but for what no archive holds, which was noted; absent in records of earlier versions. */
  readonly noted: number
  readonly skipped: number
  readonly empty: number
  readonly failed: number
  readonly sizeBytes: number
  /** The first thousand, each with its reason. */
  readonly failures: readonly Failure[]
  /** What went well in an unusual way, the first thousand; absent in records of earlier versions. */
  readonly notes: readonly RunNote[]
}

/** The account as the summary that logs, records and the command line show. */
export async function summarise(
  account: RunAccount,
  ledger: Pick<RunLedger, 'failures' | 'notes'>,
): Promise<RunSummary> {
  const endedAtMs = account.endedAtMs ?? Date.now()
  const failures = await takeFirst(ledger.failures(account.runId))
  const notes = await takeFirst(ledger.notes(account.runId))
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
    noted: account.noted,
    skipped: account.skipped,
    empty: account.empty,
    failed: account.failed,
    sizeBytes: account.sizeBytes,
    failures,
    notes,
  }
}

async function takeFirst<Row extends { readonly series: string }>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const taken: Row[] = []
  for await (const row of rows) {
    if (taken.length >= ROWS_KEPT) break
    taken.push(row)
  }
  return taken.sort((a, b) => a.series.localeCompare(b.series, 'en', { numeric: true }))
}
