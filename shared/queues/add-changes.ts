// Marks projects and tasks as changed and sees to it that a job wakes up when they are due. Safe to repeat.

import type { Changes, QuietTimes } from '#shared/coordination/changes.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { ChangePayload } from './changes-queue.ts'
import type { OpenQueue } from './open-queue.ts'

/** Always adds the job: one of this generation that is there already stays, and one that a crash has kept from being added comes. */
export async function addChanges(
  entities: readonly EntityRef[],
  times: QuietTimes,
  { changes, queue }: { readonly changes: Pick<Changes, 'note'>; readonly queue: OpenQueue<ChangePayload> },
): Promise<void> {
  const nowMs = Date.now()
  const noted = await changes.note(entities, times, nowMs)
  await queue.addAll(
    noted.map(({ entity, generation, dueAtMs }) => ({
      name: `${formatEntity(entity)} changed`,
      jobId: `${formatEntity(entity)}.${generation}`,
      payload: { do: 'back-up', entity, generation },
      options: { delay: Math.max(0, dueAtMs - nowMs) },
    })),
  )
}
