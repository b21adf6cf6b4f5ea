// outcomes: how a backup ended, told by exporter and downloader to the scheduler, which keeps the account of runs.

import { z } from 'zod'
import { taskObservationSchema } from '#shared/model/observation.ts'
import { seriesSchema } from '#shared/model/series.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const resultSchema = z.enum(['done', 'empty', 'failed'])

/** `done`: a verified archive is stored. `empty`: CVAT has nothing to back up (a task without data). */

export const outcomePayloadSchema = z.object({
  backupId: z.string(),
  runId: z.string(),
  series: seriesSchema,
  name: z.string(),
  result: resultSchema,
  sizeBytes: z.int().nonnegative().default(0),
  /** The stored archive: when its export was asked for (ISO 8601 UTC), and how far its verification got. */
  archive: z.object({ createdAt: z.iso.datetime(), level: z.string().max(20) }).optional(),
  reason: z.string().max(2_000).optional(),
  code: z.string().max(100).optional(),
  hint: z.string().max(1_000).optional(),
  /** Tasks of a project of which CVAT served an old state: the run is to back them up by themselves. */
  alsoBackUp: z.object({ organization: z.string().nullable(), tasks: z.array(taskObservationSchema) }).optional(),
})

export type Outcome = z.infer<typeof outcomePayloadSchema>

export const outcomesQueue: QueueDefinition<Outcome> = {
  name: 'outcomes',
  schema: outcomePayloadSchema,
  jobOptions: {
    ...keepFinishedJobs,
    removeOnComplete: true,
    attempts: 20,
    backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  },
}
