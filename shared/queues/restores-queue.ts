// restores: one job per project or task that is to be made anew from its archive on the restorer's target.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { restoreIdSchema } from '#shared/store/restore-state.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

/** Of names for people; CVAT's own have 256 characters at most. */
const MOST_NAME = 1_000
/** What one folder entry may be called on the usual file systems. */
const MOST_FILE_NAME = 255

/** A name within a folder, never a way out of it: one that our own archives may have. */
const fileNameSchema = z
  .string()
  .max(MOST_FILE_NAME)
  .regex(/^(?!\.)[^/\\\p{Cc}]+\.zip$/u)

export const restorePayloadSchema = z.object({
  /** The command that this is part of; with the entity it is the job's id. */
  restoreId: restoreIdSchema,
  entity: entityRefSchema,
  /** Name of the archive's file in the entity's folder, and what it must be. */
  archive: z.object({ fileName: fileNameSchema, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** What it was called when it was backed up, for people. */
  name: z.string().max(MOST_NAME),
  /** Normalised; the restorer refuses a job for another server than its own target. */
  targetUrl: z.url({ protocol: /^https?$/ }).max(2_000),
  /** Slug on the target; null: personal. */
  organization: z
    .string()
    .regex(/^[-\w]{1,64}$/)
    .nullable(),
  /** What it is to be called on the target; its own name when absent. */
  as: z.string().min(1).max(256).optional(),
  /** Mend what CVAT would refuse, in what is uploaded, never in the stored file. */
  repair: z.boolean().default(false),
  /** Own archives of tasks that were made later (ISO 8601 UTC) do not count: for the state of a day in the past. */
  notAfter: z.iso.datetime().optional(),
  /**
   * Asked for by somebody who may not write into the backup directory: the restorer notes there what was asked for, so that
   * whoever asks for the very same again is told, or goes on with it.
   */
  plan: z
    .object({ request: z.string().max(200), startedAt: z.iso.datetime(), again: z.boolean().optional() })
    .optional(),
})

export type RestorePayload = z.infer<typeof restorePayloadSchema>

export const restoresQueue: QueueDefinition<RestorePayload> = {
  name: 'restores',
  schema: restorePayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 5_000, jitter: 0.5 } },
}
