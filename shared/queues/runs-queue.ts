// runs: work for the scheduler — start a backup run, end one, look after those that are under way.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const modeSchema = z.enum(['p', 'a', 't'])

/**
 * `p`: backups of projects, and of tasks that belong to no project. `a`: annotations of the same entities.
 * `t`: a backup of every task by itself.
 */
export type Mode = z.infer<typeof modeSchema>

/** Becomes a part of file names and keys. */
const runIdSchema = z.string().regex(/^[\w.-]{1,80}$/)

const startRunSchema = z.object({
  do: z.literal('start-run'),
  /** Absent on scheduled runs until the scheduler begins with them. */
  runId: runIdSchema.optional(),
  mode: modeSchema,
  /** Back up everything, changed or not. */
  full: z.boolean(),
  /** Only these entities; all that the filters admit when absent. */
  entities: z.array(entityRefSchema).max(10_000).optional(),
  /** `event`: CVAT has told that these entities changed. What the filters leave out is left out then. */
  trigger: z.enum(['command', 'schedule', 'event']),
})

const endRunSchema = z.object({ do: z.literal('end-run'), runId: runIdSchema })

const watchRunsSchema = z.object({ do: z.literal('watch-runs') })

export const runPayloadSchema = z.discriminatedUnion('do', [startRunSchema, endRunSchema, watchRunsSchema])

export type RunPayload = z.infer<typeof runPayloadSchema>
export type StartRun = z.infer<typeof startRunSchema>

export const runsQueue: QueueDefinition<RunPayload> = {
  name: 'runs',
  schema: runPayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 6, backoff: { type: 'exponential', delay: 5_000, jitter: 0.5 } },
}
