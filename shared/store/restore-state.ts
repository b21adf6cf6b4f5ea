// How far each restore has come: what lets an interrupted one go on without making anything twice. One small file for each
// project or task of a restore, replaced as a whole, in the backup directory: it is needed when Redis is not there.

import { join } from 'node:path'
import { z } from 'zod'
import { type EntityRef, entityRefSchema, formatEntity } from '#shared/model/entity.ts'
import { type FileOperations, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJson } from './read-json.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

/** Becomes the name of a folder. */
export const restoreIdSchema = z.string().regex(/^[\w.-]{1,80}$/)

export const differenceSchema = z.object({
  /** Where: `task_2`, `labels`, … */
  where: z.string(),
  what: z.string(),
})

/** Something in which the restored thing is not what the archive or its record says. */
export type Difference = z.infer<typeof differenceSchema>

export const restoreStateSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('restore'),
  restoreId: restoreIdSchema,
  entity: entityRefSchema,
  /** Of CVAT_URL or CVAT_RESTORE_URL, normalised: where it is restored to. */
  targetUrl: z.string().min(1),
  /** What was sent, and not what may have been chosen since. */
  archive: z.object({
    fileName: z.string().min(1),
    sha256: z.string(),
    sizeBytes: z.int().nonnegative().optional(),
  }),
  /** Of the project or task, as that archive's record has it. */
  name: z.string().optional(),
  /**
   * `uploading`: bytes are under way, nothing is on the target. `importing`: the target was told to import them, and may or
   * may not have. `imported`: it is there, under its marked name. `done`: compared, and under its own name. Where it has failed, `failure` says why, and this how far it had come.
   */
  state: z.enum(['uploading', 'importing', 'imported', 'done']),
  /** In the name of what is made, until it is done. */
  mark: z.string().min(1),
  /** The whole name with the mark in it. */
  markedName: z.string().optional(),
  /** How many tasks are made of it. */
  tasks: z.int().nonnegative().optional(),
  /** Under which the target keeps the parts of the upload. */
  uploadName: z.string().optional(),
  /** Of what is uploaded. */
  sizeBytes: z.int().nonnegative().optional(),
  /** Of what is uploaded: parts of other bytes are of no use. */
  planDigest: z.string().optional(),
  requestId: z.string().optional(),
  /** On the target. */
  resultId: z.int().positive().optional(),
  /** Our clock, ISO 8601 UTC. */
  startedAt: z.iso.datetime(),
  /** When the target was told to import. */
  importAskedAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
  differences: z.array(differenceSchema).optional(),
  /** What could not be put back, and what was left out knowingly. */
  notes: z.array(z.string()).optional(),
  failure: z.object({ code: z.string(), reason: z.string(), hint: z.string().optional() }).optional(),
})

export type RestoreState = z.infer<typeof restoreStateSchema>

/** Undefined: this restore has not begun with it. A file that cannot be understood is an error, never a fresh start. */
export async function readRestoreState(
  files: FileOperations,
  layout: Layout,
  restoreId: string,
  entity: EntityRef,
): Promise<RestoreState | undefined> {
  return withStoreErrors(`Reading how far the restore of ${formatEntity(entity)} has come`, async () => {
    try {
      return restoreStateSchema.parse(await readJson(files, layout.restoreState(restoreId, entity)))
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined
      throw error
    }
  })
}

/** Atomic; replaces the state before. */
export async function writeRestoreState(
  files: FileOperations,
  layout: Layout,
  state: RestoreState,
  now: Date,
): Promise<void> {
  const value = restoreStateSchema.parse(state)
  await withStoreErrors(`Noting how far the restore of ${formatEntity(value.entity)} has come`, async () => {
    await files.mkdir(layout.restoresFolder).catch(ignoreExisting)
    await files.mkdir(layout.restoreFolder(value.restoreId)).catch(ignoreExisting)
    await writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary(`restore-${formatEntity(value.entity)}`, now),
      finalPath: layout.restoreState(value.restoreId, value.entity),
      value,
    })
  })
}

/** The states of one restore, in no order. */
export async function* listRestoreStates(
  files: FileOperations,
  layout: Layout,
  restoreId: string,
): AsyncGenerator<RestoreState> {
  const folder = layout.restoreFolder(restoreId)
  for (const name of await readdirIfThere(files, folder)) {
    const parsed = restoreStateSchema.safeParse(await readJson(files, join(folder, name)).catch(() => undefined))
    if (parsed.success) yield parsed.data
  }
}

/** Ids of all restores of which anything is known. */
export async function listRestores(files: FileOperations, layout: Layout): Promise<string[]> {
  return (await readdirIfThere(files, layout.restoresFolder)).filter((name) => restoreIdSchema.safeParse(name).success)
}

async function readdirIfThere(files: FileOperations, folder: string): Promise<string[]> {
  try {
    return await files.readdir(folder)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  }
}

function ignoreExisting(error: unknown): void {
  if (!hasErrno(error, 'EEXIST')) throw error
}
