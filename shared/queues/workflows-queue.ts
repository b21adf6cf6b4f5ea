// workflows: one job per sidecar that is made without an archive, since only what no archive holds has changed.

import { type Backup, backupSchema } from './exports-queue.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

/** The series is that of the entity's backups; the backup's id ends in `.workflow`, as its claim does. */
export const workflowsQueue: QueueDefinition<Backup> = {
  name: 'workflows',
  schema: backupSchema,
  jobOptions: { ...keepFinishedJobs, attempts: 8, backoff: { type: 'exponential', delay: 3_000, jitter: 0.5 } },
}
