// What CVAT puts into a project's own archive beside the tasks, as its API tells it: settings, labels, guide, pictures.

import type { Readable } from 'node:stream'
import { z } from 'zod'
import { serverDateSchema } from '#shared/model/observation.ts'
import type { ApiCaller } from './api-caller.ts'
import { readDownload } from './download.ts'
import { readFileName } from './file-name.ts'
import { listByNumber } from './list-pages.ts'
import { idSchema } from './rows.ts'
import { apiTarget, type ServerUrl } from './server-url.ts'
import { discard } from './transport.ts'

const projectDescriptionSchema = z.object({
  id: idSchema,
  name: z.string(),
  bug_tracker: z
    .string()
    .nullish()
    .transform((url) => url ?? ''),
  status: z.string(),
  guide_id: idSchema.nullish().transform((id) => id ?? null),
  updated_date: serverDateSchema,
})

export type ProjectDescription = z.infer<typeof projectDescriptionSchema>

const attributesSchema = z.array(z.looseObject({ name: z.string() }))

const labelSchema = z.looseObject({
  name: z.string(),
  attributes: attributesSchema,
  has_parent: z.boolean().optional(),
  sublabels: z.array(z.looseObject({ id: idSchema, name: z.string(), attributes: attributesSchema })).optional(),
  svg: z.string().optional(),
})

/** A label as the server wrote it, every key in its place: archives hold labels in the order of this answer's keys. */
export type LabelDescription = z.infer<typeof labelSchema>

const guideSchema = z.object({ id: idSchema, markdown: z.string(), updated_date: serverDateSchema.nullish() })

/** A guide's text; it names its pictures as `/api/assets/UUID`. */
export type GuideDescription = z.infer<typeof guideSchema>

export interface AssetDownload {
  /** The name it was uploaded with, made harmless; undefined where the server tells none that could be used. */
  readonly fileName: string | undefined
  /** Undefined when the server does not say. The body may end early: compare. */
  readonly totalBytes: number | undefined
  /** When it was uploaded, to the second, in milliseconds since 1970. */
  readonly uploadedMs: number | undefined
  /** Must be read to its end or destroyed. */
  readonly body: Readable
}

/** All of them only read. */
export interface DescriptionCalls {
  getProject(id: number, signal: AbortSignal): Promise<ProjectDescription>
  /** By id, one call for 500. Parts of skeletons are inside their skeleton, not in the list. */
  listLabels(projectId: number, signal: AbortSignal): Promise<LabelDescription[]>
  getGuide(id: number, signal: AbortSignal): Promise<GuideDescription>
  /**
   * Resolves when the headers are there. The signal breaks the body, too.
   *
   * @throws BackupError `not-found` (no such asset), `no-endpoint` (its file is gone), `unexpected-answer` for a page
   */
  openAsset(uuid: string, signal: AbortSignal): Promise<AssetDownload>
}

export function openDescriptions(caller: ApiCaller, server: ServerUrl): DescriptionCalls {
  return {
    async getProject(id, signal) {
      const call = { method: 'GET', path: `/api/projects/${id}` } as const
      return (await caller.readJson(call, projectDescriptionSchema, signal)).value
    },
    async listLabels(projectId, signal) {
      const list = {
        path: '/api/labels',
        query: { project_id: projectId, sort: 'id', page_size: 500 },
        row: asWritten(labelSchema),
      }
      const labels: LabelDescription[] = []
      for await (const page of listByNumber(caller, list, signal)) {
        labels.push(...page.filter((label) => label.has_parent !== true))
      }
      return labels
    },
    async getGuide(id, signal) {
      return (await caller.readJson({ method: 'GET', path: `/api/guides/${id}` }, guideSchema, signal)).value
    },
    async openAsset(uuid, signal) {
      const path = `/api/assets/${encodeURIComponent(uuid)}`
      const answer = await caller.open(apiTarget(server, path), {}, signal)
      try {
        const { totalBytes, lastModified, body } = readDownload(answer, 0, `GET ${path}`)
        const uploadedMs = Date.parse(lastModified ?? '')
        return {
          fileName: readFileName(answer.header('content-disposition')),
          totalBytes,
          uploadedMs: Number.isNaN(uploadedMs) ? undefined : uploadedMs,
          body,
        }
      } catch (error) {
        discard(answer)
        throw error
      }
    },
  }
}

/** The value itself once it fits: parsing would put the keys that the schema names before all others. */
function asWritten<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    const { success, error } = schema.safeParse(value)
    if (success) return value as T
    for (const { path, message } of error.issues) context.addIssue({ code: 'custom', path: [...path], message })
    return z.NEVER
  })
}
