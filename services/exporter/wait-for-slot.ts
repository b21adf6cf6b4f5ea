// Waits until CVAT has room for one more export of ours.

import { setTimeout as sleep } from 'node:timers/promises'
import { type ExportSlots, foreignHolder } from '#shared/coordination/export-slots.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { parseEntity } from '#shared/model/entity.ts'

export interface SlotDeps {
  readonly slots: ExportSlots
  readonly cvat: Pick<CvatClient, 'listActiveExports'>
  readonly limit: number
}

const RETRY_MS = 500
/** One list call costs the server 0.13 s and more: only while we wait, and seldom. */
const RECLAIM_EVERY_MS = 10_000
/** A slot without request that is this young may belong to an exporter that is about to ask. */
const YOUNG_MS = 60_000

/** Resolves when the holder has a slot. Slots whose export the server no longer runs are freed on the way. */
export async function waitForSlot(holder: string, deps: SlotDeps, signal: AbortSignal): Promise<void> {
  let reclaimAtMs = Date.now() + RETRY_MS
  while (!(await deps.slots.take(holder, deps.limit))) {
    if (Date.now() >= reclaimAtMs) {
      await reclaimSlots(deps, signal)
      reclaimAtMs = Date.now() + RECLAIM_EVERY_MS
      continue
    }
    await sleep(RETRY_MS, undefined, { signal })
  }
}

/**
 * Gives back slots whose export ended while nobody looked (the job timed out, waits for its next try, or was removed),
 * by asking CVAT what it is still busy with.
 */
async function reclaimSlots(deps: SlotDeps, signal: AbortSignal): Promise<void> {
  const slots = (await deps.slots.list()).filter(
    ({ requestId, takenAtMs }) => requestId !== '' || Date.now() - takenAtMs > YOUNG_MS,
  )
  if (slots.length === 0) return
  const active = await activeRequests(deps.cvat, signal)
  for (const slot of slots) {
    const busy = slot.requestId ? active.has(slot.requestId) : [...active].some((id) => isAbout(id, slot.holder))
    if (!busy) await deps.slots.giveBack(slot.holder)
  }
}

/** Whether a request is about the entity of a holder like `project-6.backup` (the ids' form: recording b1). */
function isAbout(requestId: string, holder: string): boolean {
  const entity = parseEntity(holder.split('.')[0]!)
  return entity !== undefined && `${requestId}&`.includes(`target=${entity.type}&target_id=${entity.id}&`)
}

/**
 * Takes slots for exports that the server already runs for this user, when no slot is known at all: Redis was new or
 * wiped, so exports of an earlier life may still keep the server busy.
 */
export async function adoptRunningExports(
  deps: Pick<SlotDeps, 'slots' | 'cvat'>,
  limit: number,
  signal: AbortSignal,
): Promise<number> {
  if ((await deps.slots.list()).length > 0) return 0
  const active = await activeRequests(deps.cvat, signal)
  let adopted = 0
  for (const requestId of active) {
    if (!(await deps.slots.take(foreignHolder(requestId), limit))) break
    await deps.slots.note(foreignHolder(requestId), requestId)
    adopted++
  }
  return adopted
}

async function activeRequests(cvat: SlotDeps['cvat'], signal: AbortSignal): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const request of cvat.listActiveExports(signal)) ids.add(request.id)
  return ids
}
