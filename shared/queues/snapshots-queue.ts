// snapshots: one job per project that is backed up as a snapshot — see which tasks have changed, wait until they are stored,
// then write down what the project is made of.

import { z } from 'zod'
import { waitsForRoomSchema } from './downloads-queue.ts'
import { backupSchema } from './exports-queue.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const snapshotPayloadSchema = backupSchema.extend({
  /** Every task is to be exported, changed or not. */
  full: z.boolean(),
  /** Our clock, ISO 8601 UTC: when the job was begun with. Archives of tasks made since are its own. */
  startedAt: z.iso.datetime().optional(),
  /** What the run was last asked to back up by themselves, and is awaited. */
  asked: z.object({ round: z.int().positive(), at: z.iso.datetime(), taskIds: z.array(z.int().positive()) }).optional(),
  /** All that it was ever asked for. */
  tried: z.array(z.int().positive()).optional(),
  waitsForRoom: waitsForRoomSchema.optional(),
})

export type SnapshotPayload = z.infer<typeof snapshotPayloadSchema>

/** Waiting for tasks costs no attempt. */
export const snapshotsQueue: QueueDefinition<SnapshotPayload> = {
  name: 'snapshots',
  schema: snapshotPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 3_000, jitter: 0.5 } },
}
