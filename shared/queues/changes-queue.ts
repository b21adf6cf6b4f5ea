// changes: what CVAT has told by an event — a project or task to be backed up once it is quiet, or something whose project is
// yet to be found.

import { z } from 'zod'
import { entityRefSchema } from '#shared/model/entity.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

const backUpSchema = z.object({
  do: z.literal('back-up'),
  entity: entityRefSchema,
  /** Which of the entity's waits this is. */
  generation: z.int().positive(),
})

const findSchema = z.object({
  do: z.literal('find'),
  /** Events about issues and comments do not say whose they are. */
  about: z.object({ type: z.enum(['job', 'issue']), id: z.int().positive() }),
  /** What the listener goes by. */
  quietMs: z.int().nonnegative(),
  longestMs: z.int().nonnegative(),
})

export const changePayloadSchema = z.discriminatedUnion('do', [backUpSchema, findSchema])

export type ChangePayload = z.infer<typeof changePayloadSchema>

export const changesQueue: QueueDefinition<ChangePayload> = {
  name: 'changes',
  schema: changePayloadSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 6, backoff: { type: 'exponential', delay: 5_000, jitter: 0.5 } },
}
