// What killed processes have left in the backup directory, where no sweeper comes by on schedule.

import { openClaims } from '#shared/coordination/claims.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { entityOfBackup, isBackupActive, mayBeActive } from '#shared/service/is-backup-active.ts'
import { openStore } from '#shared/store/open-store.ts'

/**
 * Finishes commits that were interrupted, then removes downloads that nobody goes on with; gives their number. Those of
 * backups that may be under way stay. Looks into the folders of such downloads only.
 */
export async function removeLeftovers(
  directory: string,
  connection: QueueConnection,
  now = new Date(),
): Promise<number> {
  const claims = openClaims(connection)
  const ledger = openRunLedger(connection)
  const store = openStore({ directory })
  const isActive = (backupId: string) => isBackupActive(backupId, claims)
  const waiting = new Set<string>()
  for (const backupId of await store.listPartialBackups()) {
    const entity = entityOfBackup(backupId)
    if (!entity || (await isActive(backupId))) continue
    const recovery = await store.recoverEntity(entity, { isActive })
    for (const id of recovery.waiting) waiting.add(id)
  }
  return store.removeStalePartials({
    isActive: async (backupId) => waiting.has(backupId) || mayBeActive(backupId, { claims, ledger }, now),
  })
}
