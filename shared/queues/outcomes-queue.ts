// outcomes: how a backup ended, told by exporter and downloader to the scheduler, which keeps the account of runs.

import { z } from 'zod'
import { taskObservationSchema } from '#shared/model/observation.ts'
import { formatSeries, seriesSchema } from '#shared/model/series.ts'
import { formatWorkflow } from '#shared/model/workflow.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const resultSchema = z.enum(['done', 'noted', 'empty', 'failed', 'parts'])

/** `done`: a verified archive is stored. `noted`: the workflow alone is. `empty`: CVAT has nothing to back up (a task without data). `parts`: nothing has ended; the runs that wait for a snapshot are to back up tasks for it. */

export const outcomePayloadSchema = z.object({
  backupId: z.string(),
  runId: z.string(),
  series: seriesSchema,
  name: z.string(),
  result: resultSchema,
  /** Of a job of the workflows queue: its claim and its runs are not those of the series. */
  isWorkflow: z.boolean().optional(),
  sizeBytes: z.int().nonnegative().default(0),
  /** The stored archive: when its export was asked for (ISO 8601 UTC), and how far its verification got. */
  archive: z.object({ createdAt: z.iso.datetime(), level: z.string().max(20) }).optional(),
  reason: z.string().max(2_000).optional(),
  /** What was stored, where its size alone would mislead; said of what went well, and no reason for a note. */
  about: z.string().max(200).optional(),
  code: z.string().max(100).optional(),
  hint: z.string().max(1_000).optional(),
  /**
   * Tasks of a project that the run is to back up by themselves: of which CVAT served an old state, or of which a snapshot is to
   * be made. `round` tells apart how often a snapshot has asked for them.
   */
  alsoBackUp: z
    .object({
      organization: z.string().nullable(),
      tasks: z.array(taskObservationSchema),
      round: z.int().positive().optional(),
    })
    .optional(),
})

export type Outcome = z.infer<typeof outcomePayloadSchema>

/** Under which key claims and runs know what has ended. */
export function accountKey({ series, isWorkflow }: Pick<Outcome, 'series' | 'isWorkflow'>): string {
  return isWorkflow ? formatWorkflow(series.entity) : formatSeries(series)
}

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
