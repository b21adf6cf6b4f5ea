// Finds the restore that the same command has begun and not ended, or begins one.

import { randomBytes } from 'node:crypto'
import type { Store } from '#shared/store/open-store.ts'
import type { RestorePlan } from '#shared/store/restore-plan.ts'

export interface BegunRestore {
  readonly id: string
  readonly goesOn: boolean
  /** Everything was gone through, and nothing is left to go on with, unless something failed. */
  end(): Promise<void>
}

type PlanStore = Pick<Store, 'listRestores' | 'readRestorePlan' | 'writeRestorePlan' | 'listRestoreStates'>

/** @param again begin anew, even where one was broken off: what that one has made stays as it is */
export async function beginRestore(
  store: PlanStore,
  request: string,
  targetUrl: string,
  again: boolean,
): Promise<BegunRestore> {
  const open = again ? undefined : await findOpen(store, request)
  const plan: RestorePlan = open ?? {
    formatVersion: 1,
    type: 'restore-plan',
    restoreId: makeRestoreId(),
    targetUrl,
    request,
    startedAt: new Date().toISOString(),
  }
  if (!open) await store.writeRestorePlan(plan)
  return {
    id: plan.restoreId,
    goesOn: open !== undefined,
    async end() {
      for await (const { failure } of store.listRestoreStates(plan.restoreId)) if (failure) return
      await store.writeRestorePlan({ ...plan, endedAt: new Date().toISOString() })
    },
  }
}

async function findOpen(store: PlanStore, request: string): Promise<RestorePlan | undefined> {
  for (const id of (await store.listRestores()).sort().reverse()) {
    const plan = await store.readRestorePlan(id)
    if (plan && plan.request === request && plan.endedAt === undefined) return plan
  }
  return undefined
}

function makeRestoreId(): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '')
  return `${time}-restore-${randomBytes(3).toString('hex')}`
}
