// verifications: check a share of the stored archives again, the longest unchecked first; or all archives of some entities.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const verificationPayloadSchema = z.object({
  /** When the pass began, ISO 8601 UTC: kept with the job by its first handler, for whoever goes on after it. */
  startedAt: z.iso.datetime().optional(),
  /** Somebody has asked for these: all their archives are read, whenever they were last. A share of all when absent. */
  entities: z.array(entityRefSchema).min(1).max(10_000).optional(),
})

export type VerificationPayload = z.infer<typeof verificationPayloadSchema>

/** Tried again for the sake of archives that could not be read; each try goes on where the one before stopped. */
export const verificationsQueue: QueueDefinition<VerificationPayload> = {
  name: 'verifications',
  schema: verificationPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 3, backoff: { type: 'exponential', delay: 30_000, jitter: 0.5 } },
}
