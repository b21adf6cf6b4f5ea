// Marks projects and tasks as changed and sees to it that a job wakes up when they are due. Safe to repeat.

import type { Changes, Once, QuietTimes } from '#shared/coordination/changes.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { ChangePayload } from './changes-queue.ts'
import type { OpenQueue } from './open-queue.ts'

export interface AddChangesDeps {
  readonly changes: Pick<Changes, 'note' | 'noteAdded'>
  readonly queue: OpenQueue<ChangePayload>
}

/**
 * The job is added with the first event after each backup, and again with each further one until that is known to have been done.
 * One that was removed by hand is found by the job that looks after runs.
 * @returns false: it was noted before ({@link Once}), and nothing was done
 */
export async function addChanges(
  entities: readonly EntityRef[],
  times: QuietTimes,
  { changes, queue }: AddChangesDeps,
  once?: Once,
): Promise<boolean> {
  const nowMs = Date.now()
  const noted = await changes.note(entities, times, nowMs, once)
  if (noted === 'seen') return false
  const jobless = noted.filter(({ needsJob }) => needsJob)
  if (jobless.length === 0) return true
  await queue.addAll(
    jobless.map(({ entity, generation, dueAtMs }) => ({
      name: `${formatEntity(entity)} changed`,
      jobId: `${formatEntity(entity)}.${generation}`,
      payload: { do: 'back-up', entity, generation },
      options: { delay: Math.max(0, dueAtMs - nowMs) },
    })),
  )
  await changes.noteAdded(jobless)
  return true
}
