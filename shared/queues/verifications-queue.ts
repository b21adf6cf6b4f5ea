// verifications: check a share of the stored archives again, the longest unchecked first.

import { z } from 'zod'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const verificationPayloadSchema = z.object({
  /** When the pass began, ISO 8601 UTC: kept with the job by its first handler, for whoever goes on after it. */
  startedAt: z.iso.datetime().optional(),
})

export type VerificationPayload = z.infer<typeof verificationPayloadSchema>

/** Tried again for the sake of archives that could not be read; each try goes on where the one before stopped. */
export const verificationsQueue: QueueDefinition<VerificationPayload> = {
  name: 'verifications',
  schema: verificationPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 3, backoff: { type: 'exponential', delay: 30_000, jitter: 0.5 } },
}
