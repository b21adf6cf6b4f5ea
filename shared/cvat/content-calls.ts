// What a project or task on the server holds, for comparing it with an archive. Per-frame and per-annotation answers
// can be large: they are read as they come, and only names and numbers are kept.

import { z } from 'zod'
import type { EntityRef } from '#shared/model/entity.ts'
import type { ApiCaller } from './api-caller.ts'
import { listByNumber } from './list-pages.ts'
import { idSchema } from './rows.ts'

export const labelRowSchema = z.object({
  id: idSchema,
  name: z.string(),
  type: z.string().default('any'),
  /** The skeleton that it is part of. */
  parent_id: idSchema.nullish().transform((id) => id ?? null),
  has_parent: z
    .boolean()
    .nullish()
    .transform((has) => has ?? false),
  attributes: z.array(z.looseObject({ name: z.string() })).default([]),
})

export type LabelRow = z.infer<typeof labelRowSchema>

const framesSchema = z.object({
  frames: z.array(z.object({ name: z.string() })),
  deleted_frames: z.array(z.int().nonnegative()),
  size: z.int().nonnegative(),
  /** Of a video: the first of its frames that the task has. */
  start_frame: z.int().nonnegative().default(0),
  /** `step=5`: every fifth of them; empty for all. */
  frame_filter: z
    .string()
    .nullish()
    .transform((text) => text ?? ''),
})

/** `frames` has one entry a picture, or a single one for a whole video. */
export type TaskFrames = z.infer<typeof framesSchema>

const countedSchema = z.object({
  tags: z.array(z.unknown()).transform((list) => list.length),
  shapes: z.array(z.unknown()).transform((list) => list.length),
  tracks: z.array(z.unknown()).transform((list) => list.length),
})

export interface ContentCalls {
  /** Labels that are no part of a skeleton: a project's, or those of a task outside projects. */
  listLabels(of: EntityRef, signal: AbortSignal): Promise<LabelRow[]>
  getFrames(taskId: number, signal: AbortSignal): Promise<TaskFrames>
  /** Tags, shapes and tracks of one job, ground truth jobs included; overlapping jobs have each their own. */
  countJobAnnotations(jobId: number, signal: AbortSignal): Promise<number>
  countJobKinds(jobId: number, signal: AbortSignal): Promise<{ tags: number; shapes: number; tracks: number }>
}

export function openContents(caller: ApiCaller): ContentCalls {
  const countJobKinds = async (jobId: number, signal: AbortSignal) => {
    const call = { method: 'GET', path: `/api/jobs/${jobId}/annotations/` } as const
    return (await caller.readJson(call, countedSchema, signal)).value
  }
  return {
    countJobKinds,
    async listLabels({ type, id }, signal) {
      const query = { [`${type}_id`]: id, page_size: 500 }
      const labels: LabelRow[] = []
      for await (const page of listByNumber(caller, { path: '/api/labels', query, row: labelRowSchema }, signal)) {
        labels.push(...page.filter((label) => !label.has_parent && label.parent_id === null))
      }
      return labels
    },
    async getFrames(taskId, signal) {
      const call = { method: 'GET', path: `/api/tasks/${taskId}/data/meta` } as const
      return (await caller.readJson(call, framesSchema, signal)).value
    },
    async countJobAnnotations(jobId, signal) {
      const { tags, shapes, tracks } = await countJobKinds(jobId, signal)
      return tags + shapes + tracks
    },
  }
}
