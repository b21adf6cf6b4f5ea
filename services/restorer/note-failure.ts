// Writes down that a restore has failed for good, and why, for the report and for whoever goes on with it.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
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

/** What a restore that has not ended well has left at the target, for a person who has to decide what to do. */
export function describeLeft({ state, mark, targetUrl, entity, resultId }: RestoreState): string {
  switch (state) {
    case 'uploading':
      return `nothing of it is on ${targetUrl}`
    case 'importing':
      return `${targetUrl} may be importing it: look for "[restore ${mark}]" in the names of its ${entity.type}s`
    case 'imported':
    case 'done':
      return `it is on ${targetUrl} as ${entity.type}-${resultId}, with "[restore ${mark}]" in its name, and was not compared to the end: ${targetUrl}/${entity.type}s/${resultId}`
  }
}
