// Whether a backup is still under way, by the claim on its series.

import type { Claims } from '#shared/coordination/claims.ts'
import { type EntityRef, parseEntity } from '#shared/model/entity.ts'

export async function isBackupActive(backupId: string, claims: Pick<Claims, 'read'>): Promise<boolean> {
  return (await claims.read(seriesOf(backupId)))?.backupId === backupId
}

/** Undefined for an id that no run has given: an adoption's. */
export function entityOfBackup(backupId: string): EntityRef | undefined {
  return parseEntity(seriesOf(backupId).split('.')[0] ?? '')
}

/** A backup's id is its run's id, a dot, and its series' key. */
function seriesOf(backupId: string): string {
  return backupId.slice(backupId.indexOf('.') + 1)
}
