// An export or import under way or ended at the server, as its requests API tells it.

import { z } from 'zod'
import { type EntityRef, entityRefSchema } from '#shared/model/entity.ts'
import { serverDateSchema } from '#shared/model/observation.ts'
import { cleanLine } from './answer-text.ts'

export interface ExportRequest {
  readonly id: string
  readonly status: 'queued' | 'started' | 'finished' | 'failed'
  /** The last line of a failure's trace. May be left over from an older failure: go by status and dates. */
  readonly message: string
  readonly createdDate: string
  readonly startedDate: string | null
  readonly finishedDate: string | null
  /** When the server may delete the file. */
  readonly expiryDate: string | null
  /** Null until finished, and for exports to a cloud storage. */
  readonly resultUrl: string | null
  /** What a finished import has made: the id of a new project or task. */
  readonly resultId: number | null
  /** `export:backup`, `export:dataset`, `export:annotations`, `import:backup`, `import:annotations`. */
  readonly operation: string
  /** Undefined for what this product does not back up (a job). */
  readonly entity: EntityRef | undefined
  readonly format: string | null
}

const dateSchema = serverDateSchema.nullish().transform((date) => date ?? null)

export const exportRequestSchema = z
  .object({
    id: z.string().min(1),
    status: z.enum(['queued', 'started', 'finished', 'failed']),
    message: z.string().nullish(),
    created_date: serverDateSchema,
    started_date: dateSchema,
    finished_date: dateSchema,
    expiry_date: dateSchema,
    result_url: z.string().nullish(),
    result_id: z.int().nullish(),
    operation: z.object({
      type: z.string(),
      target: z.string(),
      project_id: z.int().nullish(),
      task_id: z.int().nullish(),
      format: z.string().nullish(),
    }),
  })
  .transform(
    ({ operation, ...row }): ExportRequest => ({
      id: row.id,
      status: row.status,
      message: cleanLine(row.message ?? '', 1000),
      createdDate: row.created_date,
      startedDate: row.started_date,
      finishedDate: row.finished_date,
      expiryDate: row.expiry_date,
      resultUrl: row.result_url || null,
      resultId: row.result_id ?? null,
      operation: operation.type,
      entity: readEntity(operation),
      format: operation.format ?? null,
    }),
  )

function readEntity(operation: {
  target: string
  project_id?: number | null | undefined
  task_id?: number | null | undefined
}): EntityRef | undefined {
  const id = operation.target === 'project' ? operation.project_id : operation.task_id
  return entityRefSchema.safeParse({ type: operation.target, id }).data
}
