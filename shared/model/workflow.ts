// What no archive of CVAT holds, as lines of the sidecar beside the archives: who works on what and how far it is, and what
// reviewers have written. Kept apart from archives, since its changes are many and its size is nothing.

import { z } from 'zod'
import { type EntityRef, entityRefSchema, formatEntity } from './entity.ts'

const idSchema = z.int().positive()
/** A username; null for nobody, and for a user who was deleted on the server. No names, no e-mail addresses. */
const userSchema = z.string().nullable()
/** As the server wrote it. */
const dateSchema = z.string().nullable()

export const workflowDigestSchema = z.object({ rows: z.string(), issues: z.string().nullable() })

/** What a listing can compare (workflow-digest.ts); `issues` is null where they could not be read. */
export type WorkflowDigest = z.infer<typeof workflowDigestSchema>

const headSchema = z.looseObject({
  type: z.literal('workflow'),
  formatVersion: z.literal(1),
  entity: entityRefSchema,
  server: z.object({ url: z.string().min(1), version: z.string().nullable() }),
  /** Our clock, ISO 8601 UTC: when reading it from the server began. */
  takenAt: z.iso.datetime(),
  origin: z.object({ runId: z.string().min(1), backupId: z.string().min(1) }),
})

/** The sidecar's first line. */
export type WorkflowHead = z.infer<typeof headSchema>

const projectSchema = z.looseObject({
  type: z.literal('project'),
  id: idSchema,
  name: z.string(),
  organization: z.string().nullable(),
  owner: userSchema,
  assignee: userSchema,
  updatedDate: dateSchema,
})

const taskSchema = z.looseObject({
  type: z.literal('task'),
  id: idSchema,
  name: z.string(),
  /** N of `task_N` in the project's archive: the place among the project's tasks by id, those without data counted. */
  position: z.int().nonnegative(),
  organization: z.string().nullable(),
  status: z.string().nullable(),
  owner: userSchema,
  assignee: userSchema,
  updatedDate: dateSchema,
})

const jobSchema = z.looseObject({
  type: z.literal('job'),
  id: idSchema,
  taskId: idSchema,
  /** `annotation`, `ground_truth`, `consensus_replica`. With task and frames it is how a restored job is found again. */
  jobType: z.string(),
  startFrame: z.int().nullable(),
  stopFrame: z.int().nullable(),
  /** Of a consensus replica: the job that it is a replica of. */
  parentJobId: idSchema.nullable(),
  stage: z.string().nullable(),
  state: z.string().nullable(),
  assignee: userSchema,
  updatedDate: dateSchema,
})

const issueSchema = z.looseObject({
  type: z.literal('issue'),
  id: idSchema,
  jobId: idSchema,
  frame: z.int().nullable(),
  /** Coordinates in pixels: x, y of a point, or of two or more corners. */
  position: z.array(z.number()),
  resolved: z.boolean(),
  owner: userSchema,
  assignee: userSchema,
  createdDate: dateSchema,
  updatedDate: dateSchema,
})

const commentSchema = z.looseObject({
  type: z.literal('comment'),
  id: idSchema,
  issueId: idSchema,
  owner: userSchema,
  text: z.string(),
  createdDate: dateSchema,
  updatedDate: dateSchema,
})

const missingSchema = z.object({ what: z.enum(['issues', 'comments']), reason: z.string() })

/** What the server would not tell. */
export type WorkflowGap = z.infer<typeof missingSchema>

const endSchema = z.looseObject({
  type: z.literal('end'),
  tasks: z.int().nonnegative(),
  jobs: z.int().nonnegative(),
  issues: z.int().nonnegative(),
  comments: z.int().nonnegative(),
  missing: z.array(missingSchema),
  digest: workflowDigestSchema,
  /** Of every byte before this line. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

/** The sidecar's last line; without it the file is torn. */
export type WorkflowEnd = z.infer<typeof endSchema>

export const workflowHeadSchema = headSchema
export const workflowEndSchema = endSchema
export const workflowRowSchema = z.discriminatedUnion('type', [
  projectSchema,
  taskSchema,
  jobSchema,
  issueSchema,
  commentSchema,
])

/** One line between head and end. A project's own line comes first, then tasks, jobs, issues and comments. */
export type WorkflowRow = z.infer<typeof workflowRowSchema>

/** `project-6.workflow`: the key under which claims and runs know the making of a sidecar. */
export function formatWorkflow(entity: EntityRef): string {
  return `${formatEntity(entity)}.workflow`
}
