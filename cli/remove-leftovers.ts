// What killed processes have left in the backup directory, where no sweeper comes by on schedule.

import { openClaims } from '#shared/coordination/claims.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { isBackupActive } from '#shared/service/is-backup-active.ts'
import { openStore } from '#shared/store/open-store.ts'

/** Removes downloads that nobody goes on with; gives their number. Those of backups under way stay. */
export async function removeLeftovers(directory: string, connection: QueueConnection): Promise<number> {
  const claims = openClaims(connection)
  const store = openStore({ directory })
  return store.removeStalePartials({ isActive: (backupId) => isBackupActive(backupId, claims) })
}
