// What a queue is, apart from a running Redis: its name, the shape of its jobs and how they are kept and retried.

import type { JobsOptions } from 'bullmq'
import type { z } from 'zod'

export interface QueueDefinition<Payload> {
  readonly name: string
  /** What one job carries. Validated when a job is added and again before it is handled: Redis is not trusted. */
  readonly schema: z.ZodType<Payload>
  readonly jobOptions: JobsOptions
}

/** Seconds that finished jobs stay visible on the board. Bounded by count too, so that Redis' memory is. */
const DAY_SECONDS = 24 * 3600

/** Finished jobs are trimmed by age and number; failed ones stay longer, since a person may want to retry them. */
export const keepFinishedJobs = {
  removeOnComplete: { age: DAY_SECONDS, count: 1_000 },
  removeOnFail: { age: 14 * DAY_SECONDS, count: 10_000 },
} as const satisfies JobsOptions
