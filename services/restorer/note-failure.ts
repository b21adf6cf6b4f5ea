// Writes down that a restore has failed for good, and why, for the report and for whoever goes on with it.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { makeMark } from './mark-name.ts'

/** What is known of the way so far stays: a later try goes on from it. */
export async function noteFailure(payload: RestorePayload, error: unknown, store: Store, now: Date): Promise<void> {
  const { restoreId, entity, targetUrl, archive } = payload
  const earlier = await store.readRestoreState(restoreId, entity)
  if (earlier?.state === 'done') return
  const hint = error instanceof BackupError ? error.hint : undefined
  await store.writeRestoreState({
    formatVersion: 1,
    type: 'restore',
    restoreId,
    entity,
    targetUrl,
    archive,
    mark: makeMark(restoreId, entity),
    startedAt: now.toISOString(),
    state: 'uploading',
    ...earlier,
    failure: {
      code: error instanceof BackupError ? error.code : 'unexpected',
      reason: describeError(error),
      ...(hint === undefined ? {} : { hint }),
    },
    endedAt: now.toISOString(),
  })
}
