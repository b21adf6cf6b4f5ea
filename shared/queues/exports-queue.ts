// exports: one job per backup — ask CVAT for the export, wait until its file can be downloaded.

import { z } from 'zod'
import { observationSchema } from '#shared/model/observation.ts'
import { seriesSchema } from '#shared/model/series.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

/** What every job on the way of one backup carries: enough for a person to know what it is about, and no secret. */
export const backupSchema = z.object({
  /** One attempt to back up one series; also the job's id in both queues. */
  backupId: z.string().regex(/^[\w.-]{1,160}$/),
  runId: z.string().regex(/^[\w.-]{1,80}$/),
  series: seriesSchema,
  name: z.string(),
  organization: z.string().nullable(),
  /** Address of the entity in CVAT's own pages. */
  link: z.string(),
  /** How often the export was asked for anew because its file had gone before it was downloaded. */
  reexports: z.int().nonnegative().default(0),
  /** A task that is backed up for a snapshot of its project. */
  isPart: z.literal(true).optional(),
})

export type Backup = z.infer<typeof backupSchema>

export const exportPayloadSchema = backupSchema.extend({
  /** Set once the export was asked for; what a restarted exporter goes on from. */
  asked: z
    .object({
      requestId: z.string(),
      /** Our clock, ISO 8601 UTC: the age of the backup counts from here. */
      at: z.iso.datetime(),
      observation: observationSchema,
    })
    .optional(),
})

export type ExportPayload = z.infer<typeof exportPayloadSchema>

export const exportsQueue: QueueDefinition<ExportPayload> = {
  name: 'exports',
  schema: exportPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 3_000, jitter: 0.5 } },
}
