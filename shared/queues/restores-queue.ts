// restores: one job per project or task that is to be made anew from its archive on the restorer's target.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { restoreIdSchema } from '#shared/store/restore-state.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const restorePayloadSchema = z.object({
  /** The command that this is part of; with the entity it is the job's id. */
  restoreId: restoreIdSchema,
  entity: entityRefSchema,
  /** Name of the archive's file in the entity's folder, and what it must be. */
  archive: z.object({ fileName: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** What it was called when it was backed up, for people. */
  name: z.string(),
  /** Normalised; the restorer refuses a job for another server than its own target. */
  targetUrl: z.string().min(1),
  /** Slug on the target; null: personal. */
  organization: z.string().nullable(),
  /** What it is to be called on the target; its own name when absent. */
  as: z.string().min(1).max(256).optional(),
  /** Mend what CVAT would refuse, in what is uploaded, never in the stored file. */
  repair: z.boolean().default(false),
  /** Own archives of tasks that were made later (ISO 8601 UTC) do not count: for the state of a day in the past. */
  notAfter: z.iso.datetime().optional(),
})

export type RestorePayload = z.infer<typeof restorePayloadSchema>

export const restoresQueue: QueueDefinition<RestorePayload> = {
  name: 'restores',
  schema: restorePayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 5_000, jitter: 0.5 } },
}
