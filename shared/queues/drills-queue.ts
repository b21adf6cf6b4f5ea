// drills: restore some archives under marked names, compare them, and remove them again.

import { z } from 'zod'
import { drillIdSchema } from '#shared/store/drill-report.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const drillPayloadSchema = z.object({
  /** Kept with the job by its first handler: whoever goes on after it drills nothing twice. */
  drillId: drillIdSchema.optional(),
})

export type DrillPayload = z.infer<typeof drillPayloadSchema>

/** Tried again where the target kept it from being carried out; what was drilled is not drilled again. */
export const drillsQueue: QueueDefinition<DrillPayload> = {
  name: 'drills',
  schema: drillPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 3, backoff: { type: 'exponential', delay: 60_000, jitter: 0.5 } },
}
