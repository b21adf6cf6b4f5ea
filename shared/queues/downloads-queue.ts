// downloads: one job per finished export — bring its file into the backup directory, verified.

import { z } from 'zod'
import { observationSchema } from '#shared/model/observation.ts'
import { backupSchema } from './exports-queue.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

/** A job has found no room on the disk: since when it waits (ISO 8601 UTC), and for how much, if that is known. */
export const waitsForRoomSchema = z.object({
  since: z.iso.datetime(),
  neededBytes: z.int().nonnegative().optional(),
})

export const downloadPayloadSchema = backupSchema.extend({
  requestId: z.string(),
  /** As CVAT gave it; the client rewrites it onto CVAT_URL and refuses anything that is not a path of its API. */
  resultUrl: z.string(),
  /** Our clock, ISO 8601 UTC: when the export was asked for. */
  askedAt: z.iso.datetime(),
  observation: observationSchema,
  serverVersion: z.string(),
  exportAttempts: z.int().positive(),
  waitsForRoom: waitsForRoomSchema.optional(),
})

export type DownloadPayload = z.infer<typeof downloadPayloadSchema>

export const downloadsQueue: QueueDefinition<DownloadPayload> = {
  name: 'downloads',
  schema: downloadPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 3_000, jitter: 0.5 } },
}
