// Whether a backup is still under way, by the claim on its series.

import type { Claims } from '#shared/coordination/claims.ts'

/** A backup's id is its run's id, a dot, and its series' key. */
export async function isBackupActive(backupId: string, claims: Pick<Claims, 'read'>): Promise<boolean> {
  const series = backupId.slice(backupId.indexOf('.') + 1)
  return (await claims.read(series))?.backupId === backupId
}
