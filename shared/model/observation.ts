// What the server said of an entity before its export began: the dates that decide "unchanged", on the server's clock.

import { z } from 'zod'

/** CVAT's ISO 8601 dates with microseconds, kept as the server wrote them: comparing text keeps every digit. */
export const serverDateSchema = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)

export const taskObservationSchema = z.object({
  id: z.int().positive(),
  name: z.string(),
  subset: z.string(),
  /** Number of frames; 0 for a task without data, which CVAT leaves out of a project's backup. */
  size: z.int().nonnegative(),
  updatedDate: serverDateSchema,
  jobCount: z.int().nonnegative(),
  /** The newest `updated_date` of the task's jobs; null for a task without jobs. */
  newestJobDate: serverDateSchema.nullable(),
  /** The highest id of the task's jobs; null for a task without jobs. Absent in older records. */
  newestJobId: z.int().positive().nullable().optional(),
  /** How many of the jobs are ground truth: they come and go without moving a date of the task. Absent in older records. */
  groundTruthJobs: z.int().nonnegative().optional(),
})

export type TaskObservation = z.infer<typeof taskObservationSchema>

export const observationSchema = z.object({
  name: z.string(),
  /** Slug of the organization; null for a personal entity. */
  organization: z.string().nullable(),
  /** The entity's own `updated_date`. */
  updatedDate: serverDateSchema,
  /** A project's tasks ordered by id (their positions are the `task_N` of its backup); a task's own single row. */
  tasks: z.array(taskObservationSchema),
})

/** Read before the export is asked for, so that an archive never claims to hold a change it may not hold. */
export type Observation = z.infer<typeof observationSchema>
