// sweeps: apply the retention rules to one entity's archives, or to all.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const sweepPayloadSchema = z.object({
  /** All entities when absent. */
  entity: entityRefSchema.optional(),
})

export type SweepPayload = z.infer<typeof sweepPayloadSchema>

export const sweepsQueue: QueueDefinition<SweepPayload> = {
  name: 'sweeps',
  schema: sweepPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 5, backoff: { type: 'exponential', delay: 3_000, jitter: 0.5 } },
}
