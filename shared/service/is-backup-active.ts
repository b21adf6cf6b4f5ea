// Whether a backup is still under way: by the claim on its series, and by its run.

import type { Claims } from '#shared/coordination/claims.ts'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { type EntityRef, parseEntity } from '#shared/model/entity.ts'
import { timeOfRun } from './make-run-id.ts'

export async function isBackupActive(backupId: string, claims: Pick<Claims, 'read'>): Promise<boolean> {
  return (await claims.read(seriesOf(backupId)))?.backupId === backupId
}

/**
 * Whether somebody may still be at work on what lies in the partial folder. Several servers may share a backup directory, each
 * with a Redis of its own: a run that is not known here may be another's, and its downloads are left alone until nobody can be
 * at them any more.
 */
export async function mayBeActive(
  backupId: string,
  { claims, ledger }: { readonly claims: Pick<Claims, 'read'>; readonly ledger: Pick<RunLedger, 'read'> },
  now: Date,
): Promise<boolean> {
  if (await isBackupActive(backupId, claims)) return true
  const runId = backupId.slice(0, Math.max(0, backupId.indexOf('.')))
  const startedAt = timeOfRun(runId)
  if (!startedAt || now.getTime() - startedAt.getTime() > FOREIGN_RUN_MS) return false
  const run = await ledger.read(withoutSuffix(runId))
  if (run === undefined) return true
  // What is taken out of a whole archive has no claim of its own, but that of the project's snapshot.
  return isTakenApart(runId) && (run.state === 'listing' || run.state === 'waiting')
}

/** What a snapshot asks for once more, or takes out of a whole archive, has the run's id with a suffix; no run's id ends so. */
function withoutSuffix(runId: string): string {
  return runId.replace(/-(?:r\d+|apart)$/, '')
}

function isTakenApart(runId: string): boolean {
  return runId.endsWith('-apart')
}

/** Longer than any run: CVAT keeps an exported file for a day. */
const FOREIGN_RUN_MS = 7 * 24 * 3600_000

/** Undefined for an id that no run has given: an adoption's. */
export function entityOfBackup(backupId: string): EntityRef | undefined {
  return parseEntity(seriesOf(backupId).split('.')[0] ?? '')
}

/** A backup's id is its run's id, a dot, and its series' key. */
function seriesOf(backupId: string): string {
  return backupId.slice(backupId.indexOf('.') + 1)
}
