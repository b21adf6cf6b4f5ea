// Removes from the target what interrupted drills have left there, by what their journals say.

import { hostname } from 'node:os'
import { describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { DrillReport } from '#shared/store/drill-report.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import { findMade } from './bring-to-target.ts'
import { removeScratch } from './remove-scratch.ts'
import type { RestoreContext, RestoreDeps } from './restore-work.ts'

/** A drill that has not shown itself for so long is over. It shows itself three times as often. */
export const SILENT_MS = 180_000

/** Something of an interrupted drill, and what has become of it. */
export interface Leftover {
  readonly what: string
  /** It is on this target still, or may be. */
  readonly isLeft: boolean
}

/** @param own the drill that asks: an earlier attempt of it is interrupted too, whoever holds it */
export async function cleanDrills(own: string, context: RestoreContext, deps: RestoreDeps): Promise<Leftover[]> {
  const found: Leftover[] = []
  const note = (what: string, isLeft: boolean) => {
    found.push({ what, isLeft })
    if (isLeft) context.logger.error({ what }, 'an interrupted drill has left something on the target')
    else context.logger.info({ what }, 'of an interrupted drill')
  }
  for (const drillId of await deps.store.listOpenDrills()) {
    const report = await deps.store.readDrillReport(drillId)
    if (drillId !== own && report && isUnderWay(report, deps.now())) {
      note(`${drillId} is under way on ${report.holder.host}: what it has made was left alone`, false)
      continue
    }
    for await (const state of deps.store.listRestoreStates(drillId)) {
      context.signal.throwIfAborted()
      const name = `${formatEntity(state.entity)} of ${drillId}`
      if (state.targetUrl !== deps.target.url) {
        note(`${name} may have left something on ${state.targetUrl}: a drill there removes it`, false)
        continue
      }
      const { reason, removed, isOver } = await cleanOne(state, context, deps)
      if (isOver) await deps.store.forgetDrilled(drillId, state.entity)
      if (reason !== undefined) note(`${name}: ${reason}`, !isOver)
      if (removed !== undefined) note(`${name}: ${removed} was removed`, false)
    }
    await deps.store.closeDrill(drillId)
  }
  return found
}

interface CleanedOne {
  /** Why something is on the target still. */
  readonly reason?: string
  /** What was there and is no more. */
  readonly removed?: string
  /** There is nothing to be done about it any more, and it may be forgotten. */
  readonly isOver: boolean
}

/** What one drilled archive has left on the target; whatever comes in between is told and stops nothing else. */
export async function cleanOne(state: RestoreState, context: RestoreContext, deps: RestoreDeps): Promise<CleanedOne> {
  try {
    const resultId = await findResult(state, context, deps)
    if (resultId === undefined) return { isOver: true }
    // Noted before it is removed: whatever happens now, this id and no other is looked at next time.
    const noted = { ...state, state: 'imported' as const, resultId }
    if (state.resultId !== resultId) await deps.store.writeRestoreState(noted)
    const kept = await removeScratch(noted, deps.target.cvat, context.signal)
    if (!kept) return { removed: `${state.entity.type}-${resultId}`, isOver: true }
    return { reason: kept.reason, isOver: kept.isTheirs }
  } catch (error) {
    context.signal.throwIfAborted()
    const where = state.resultId === undefined ? '' : ` (${state.entity.type}-${state.resultId})`
    return {
      isOver: false,
      reason: `it may still be on ${state.targetUrl}${where}, with "[drill ${state.mark}]" in its name: ${describeError(error)}`,
    }
  }
}

/** Undefined: nothing was made. */
async function findResult(
  state: RestoreState,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<number | undefined> {
  if (state.resultId !== undefined) return state.resultId
  if (state.state !== 'importing' || state.markedName === undefined) return undefined
  const { restoreId, entity, archive, targetUrl, markedName } = state
  const payload = { restoreId, entity, archive, name: markedName, targetUrl, organization: null, repair: false }
  let current = state
  const save = async (change: Partial<RestoreState>) => {
    current = { ...current, ...change }
    await deps.store.writeRestoreState(current)
  }
  try {
    return await findMade({ payload, context, deps, markedName, save, state: () => current })
  } catch (error) {
    // CVAT takes a failed import back as a whole.
    if (current.state === 'uploading') return undefined
    throw error
  }
}

function isUnderWay({ holder, aliveAt, endedAt }: DrillReport, now: Date): boolean {
  if (endedAt !== undefined || now.getTime() - Date.parse(aliveAt) > SILENT_MS) return false
  // A process drills once at a time, so what bears this one's number is of one before it, as in a container that was restarted.
  return holder.host !== hostname() || (holder.pid !== process.pid && isAlive(holder.pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
