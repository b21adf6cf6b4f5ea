// What a restore was asked for, so that the same command goes on with one that was broken off. A file beside the states
// of its projects and tasks.

import { z } from 'zod'
import { type FileOperations, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJson } from './read-json.ts'
import { restoreIdSchema } from './restore-state.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

export const restorePlanSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('restore-plan'),
  restoreId: restoreIdSchema,
  targetUrl: z.string().min(1),
  /** Everything that was asked for, in one comparable text. */
  request: z.string(),
  /** It was begun with --again: what goes on with it may say so again. */
  again: z.boolean().optional(),
  /** Our clock, ISO 8601 UTC. */
  startedAt: z.iso.datetime(),
  /** When it had gone through everything, with or without failures. */
  endedAt: z.iso.datetime().optional(),
})

export type RestorePlan = z.infer<typeof restorePlanSchema>

/** Undefined where there is none, or none that can be understood. */
export async function readRestorePlan(
  files: FileOperations,
  layout: Layout,
  restoreId: string,
): Promise<RestorePlan | undefined> {
  try {
    return restorePlanSchema.safeParse(await readJson(files, layout.restorePlan(restoreId))).data
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** Atomic; replaces the one before. */
export async function writeRestorePlan(
  files: FileOperations,
  layout: Layout,
  plan: RestorePlan,
  now: Date,
): Promise<void> {
  const value = restorePlanSchema.parse(plan)
  await withStoreErrors(`Noting the restore ${value.restoreId}`, async () => {
    for (const folder of [layout.restoresFolder, layout.restoreFolder(value.restoreId)]) {
      await files.mkdir(folder).catch((error) => {
        if (!hasErrno(error, 'EEXIST')) throw error
      })
    }
    await writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary('restore-plan', now),
      finalPath: layout.restorePlan(value.restoreId),
      value,
    })
  })
}
