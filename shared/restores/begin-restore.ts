// Finds the restore that the same command has begun and not ended, or begins one.

import { randomBytes } from 'node:crypto'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { RestorePlan } from '#shared/store/restore-plan.ts'

export interface BegunRestore {
  readonly id: string
  readonly goesOn: boolean
  /** Everything was gone through, and nothing is left to go on with, unless something failed. */
  end(): Promise<void>
}

type PlanStore = Pick<Store, 'listRestores' | 'readRestorePlan' | 'writeRestorePlan' | 'listRestoreStates'>

/**
 * @param again begin anew, even where one was broken off or has ended: what that one has made stays as it is. One that was itself
 *   begun so, and not ended, is gone on with: the same command never makes anything twice
 * @throws BackupError `restored-before`: the very same was asked for and done; everything would be there twice
 */
export async function beginRestore(
  store: PlanStore,
  request: string,
  targetUrl: string,
  again: boolean,
): Promise<BegunRestore> {
  const { plan, goesOn } = await planRestore(store, request, targetUrl, again)
  if (!goesOn) await store.writeRestorePlan(plan)
  return {
    id: plan.restoreId,
    goesOn,
    async end() {
      for await (const { failure } of store.listRestoreStates(plan.restoreId)) if (failure) return
      await store.writeRestorePlan({ ...plan, endedAt: new Date().toISOString() })
    },
  }
}

/**
 * The plan of the restore that is gone on with, or a new one, which is not written down yet. @param again as of
 * {@link beginRestore} @throws BackupError `restored-before`
 */
export async function planRestore(
  store: Pick<PlanStore, 'listRestores' | 'readRestorePlan'>,
  request: string,
  targetUrl: string,
  again: boolean,
): Promise<{ readonly plan: RestorePlan; readonly goesOn: boolean }> {
  const newest = await findNewest(store, request)
  if (newest?.endedAt !== undefined && !again) throw restoredBefore(newest)
  const open = newest && newest.endedAt === undefined && (!again || newest.again) ? newest : undefined
  const plan: RestorePlan = open ?? {
    formatVersion: 1,
    type: 'restore-plan',
    restoreId: makeRestoreId(),
    targetUrl,
    request,
    ...(again ? { again } : {}),
    startedAt: new Date().toISOString(),
  }
  return { plan, goesOn: open !== undefined }
}

/** By the time in the plan: that in the ids has seconds only. */
async function findNewest(
  store: Pick<PlanStore, 'listRestores' | 'readRestorePlan'>,
  request: string,
): Promise<RestorePlan | undefined> {
  let newest: RestorePlan | undefined
  for (const id of await store.listRestores()) {
    const plan = await store.readRestorePlan(id)
    if (plan?.request === request && (!newest || plan.startedAt > newest.startedAt)) newest = plan
  }
  return newest
}

function restoredBefore({ restoreId, targetUrl, endedAt }: RestorePlan): BackupError {
  return new BackupError(`The very same was restored to ${targetUrl} before, as ${restoreId}, until ${endedAt}`, {
    code: 'restored-before',
    retryable: false,
    hint: 'Nothing was done: it would be there twice. --again makes it once more, beside what is there.',
  })
}

function makeRestoreId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-restore-${randomBytes(3).toString('hex')}`
}
