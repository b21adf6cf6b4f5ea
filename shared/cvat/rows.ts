// The fields of CVAT's lists that this product reads, under the server's own names. Others are ignored: they come and go
// with versions.

import { z } from 'zod'
import { serverDateSchema } from '#shared/model/observation.ts'

export const idSchema = z.int().positive()

/** Absent or null: the entity is personal. Older servers call it `organization`. */
const organizationFields = {
  organization_id: idSchema.nullish(),
  organization: idSchema.nullish(),
}

/**
 * The username alone: what people are called and where they get mail is nobody's business here. Nothing that only the
 * workflow needs may make a row unfit: backups depend on the lists.
 */
const userSchema = z
  .object({ username: z.string() })
  .nullish()
  .catch(null)
  .transform((user) => user?.username ?? null)

const optionalDateSchema = z
  .string()
  .nullish()
  .catch(null)
  .transform((date) => date ?? null)

export const projectRowSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    owner: userSchema,
    assignee: userSchema,
    created_date: serverDateSchema.optional(),
    updated_date: serverDateSchema,
    ...organizationFields,
  })
  .transform(nameOrganization)

/** A project; `organization_id` is null for a personal one. */
export type ProjectRow = z.infer<typeof projectRowSchema>

export const taskRowSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    project_id: idSchema.nullish().transform((id) => id ?? null),
    project_name: z
      .string()
      .nullish()
      .transform((name) => name ?? null),
    subset: z
      .string()
      .nullish()
      .transform((subset) => subset ?? ''),
    status: z
      .string()
      .nullish()
      .transform((status) => status ?? null),
    owner: userSchema,
    assignee: userSchema,
    // A task without data has no such field.
    size: z
      .int()
      .nonnegative()
      .nullish()
      .transform((size) => size ?? 0),
    created_date: serverDateSchema.optional(),
    updated_date: serverDateSchema,
    ...organizationFields,
  })
  .transform(nameOrganization)

/** A task; `size` is its number of frames, 0 without data, `project_id` null for a task in no project. */
export type TaskRow = z.infer<typeof taskRowSchema>

export const jobRowSchema = z.object({
  id: idSchema,
  task_id: idSchema,
  project_id: idSchema.nullish().transform((id) => id ?? null),
  /** `annotation`, `ground_truth`, `consensus_replica`; older servers know one type and do not name it. */
  type: z
    .string()
    .nullish()
    .transform((type) => type ?? 'annotation'),
  updated_date: serverDateSchema,
  stage: optionalText(),
  state: optionalText(),
  assignee: userSchema,
  /** Counted in the task's frames, the last one included. */
  start_frame: optionalNumber(),
  stop_frame: optionalNumber(),
  parent_job_id: optionalNumber(),
  /** Null where the server does not count them. */
  issues: countSchema(),
})

/** A job of a task. */
export type JobRow = z.infer<typeof jobRowSchema>

export const issueRowSchema = z.object({
  id: idSchema,
  job: idSchema,
  frame: optionalNumber(),
  position: z
    .array(z.number())
    .nullish()
    .transform((position) => position ?? []),
  resolved: z
    .boolean()
    .nullish()
    .transform((resolved) => resolved ?? false),
  owner: userSchema,
  assignee: userSchema,
  created_date: optionalDateSchema,
  updated_date: optionalDateSchema,
  comments: countSchema(),
})

/** What a reviewer has found in a frame of a job. */
export type IssueRow = z.infer<typeof issueRowSchema>

export const commentRowSchema = z.object({
  id: idSchema,
  issue: idSchema,
  owner: userSchema,
  message: z
    .string()
    .nullish()
    .transform((message) => message ?? ''),
  created_date: optionalDateSchema,
  updated_date: optionalDateSchema,
})

export type CommentRow = z.infer<typeof commentRowSchema>

export const taskMetaSchema = z.object({
  /** Counted among the task's frames, from 0, in no particular order. */
  deleted_frames: z.array(z.int().nonnegative()),
})

/** What a task's media are; of the description of each frame nothing is kept. */
export type TaskMeta = z.infer<typeof taskMetaSchema>

export const organizationRowSchema = z.object({ id: idSchema, slug: z.string(), name: z.string() })

export type OrganizationRow = z.infer<typeof organizationRowSchema>

export const exportFormatSchema = z.object({
  /** With its version, as an export asks for it: `CVAT for images 1.1`. */
  name: z.string(),
  ext: z.string(),
  version: z.string(),
  enabled: z.boolean(),
  dimension: z.string(),
})

/** A format that annotations can be exported in. */
export type ExportFormat = z.infer<typeof exportFormatSchema>

function nameOrganization<
  Row extends { organization_id?: number | null | undefined; organization?: number | null | undefined },
>(row: Row): Omit<Row, 'organization' | 'organization_id'> & { organization_id: number | null } {
  const { organization, organization_id, ...rest } = row
  return { ...rest, organization_id: organization_id ?? organization ?? null }
}

function optionalText() {
  return z
    .string()
    .nullish()
    .catch(null)
    .transform((text) => text ?? null)
}

function optionalNumber() {
  return z
    .int()
    .nullish()
    .catch(null)
    .transform((number) => number ?? null)
}

/** CVAT's summaries of a row's own lists: `{"count": 3, "url": …}`. */
function countSchema() {
  return z
    .object({ count: z.int().nonnegative().nullish() })
    .nullish()
    .catch(null)
    .transform((summary) => summary?.count ?? null)
}
