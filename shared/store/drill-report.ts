// What each drill did and showed: the journal by which the next one knows what an interrupted one has left, and the proof that
// stays when the archives have gone.

import { z } from 'zod'
import { type FileOperations, hasErrno, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJson } from './read-json.ts'
import { differenceSchema } from './restore-state.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

const ID = /^\d{8}T\d{6}Z-drill-[0-9a-f]{8}$/

export const drillIdSchema = z.string().regex(ID)

export const drillRowSchema = z.object({
  /** `project-6`. */
  entity: z.string(),
  name: z.string(),
  /** Null where there was none to be drilled. */
  archive: z.string().nullable(),
  sha256: z.string().optional(),
  /** In the name that it had on the target. */
  mark: z.string().optional(),
  sizeBytes: z.int().nonnegative(),
  /**
   * `restored`: and nothing differed. `differs`, `refused`: the archive's fault, and its record says so. `failed`: the server,
   * the login or the network kept it from being tried: nothing is known of the archive.
   */
  result: z.enum(['restored', 'differs', 'refused', 'failed']),
  /** Our clock, ISO 8601 UTC. */
  at: z.iso.datetime(),
  seconds: z.number().nonnegative(),
  differences: z.array(differenceSchema).default([]),
  notes: z.array(z.string()).default([]),
  code: z.string().optional(),
  reason: z.string().optional(),
  hint: z.string().optional(),
  /** What is still on the target, in words; absent: nothing. */
  left: z.string().optional(),
})

export type DrillRow = z.infer<typeof drillRowSchema>

export const drillReportSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('drill'),
  drillId: drillIdSchema,
  /** Whose archives. */
  source: z.string().min(1),
  target: z.string().min(1),
  targetVersion: z.string(),
  /** Our clock, ISO 8601 UTC. */
  startedAt: z.iso.datetime(),
  /** Absent while it is under way, and after a crash. */
  endedAt: z.iso.datetime().optional(),
  /** Who carries it out, and when it last showed that it does. */
  holder: z.object({ host: z.string(), pid: z.int() }),
  aliveAt: z.iso.datetime(),
  archives: z.array(drillRowSchema),
  /** What of earlier, interrupted drills was removed from the target, and what could not be. */
  leftovers: z.array(z.object({ what: z.string(), isLeft: z.boolean() })).default([]),
})

export type DrillReport = z.infer<typeof drillReportSchema>

/** Undefined where there is none, or none that can be understood. */
export async function readDrillReport(
  files: FileOperations,
  layout: Layout,
  drillId: string,
): Promise<DrillReport | undefined> {
  try {
    return drillReportSchema.safeParse(await readJson(files, layout.drillReport(drillId))).data
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Atomic; replaces the one before. */
export async function writeDrillReport(
  files: FileOperations,
  layout: Layout,
  report: DrillReport,
  now: Date,
): Promise<void> {
  const value = drillReportSchema.parse(report)
  await withStoreErrors(`Writing the report of ${value.drillId}`, async () => {
    await files.mkdir(layout.drillsFolder).catch((error) => {
      if (!hasErrno(error, 'EEXIST')) throw error
    })
    await writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary('drill', now),
      finalPath: layout.drillReport(value.drillId),
      value,
    })
  })
}

/** The newest reports, newest first: their ids begin with the time. Files that are none are passed over. */
export async function* readDrillReports(
  files: FileOperations,
  layout: Layout,
  limit: number,
): AsyncGenerator<DrillReport> {
  const ids = (await readNames(files, layout.drillsFolder)).flatMap((name) =>
    name.endsWith('.json') && ID.test(name.slice(0, -5)) ? [name.slice(0, -5)] : [],
  )
  for (const id of ids.sort().reverse().slice(0, limit)) {
    const report = await readDrillReport(files, layout, id)
    if (report) yield report
  }
}

/** Drills whose way is still noted: one that has removed everything from the target has been forgotten. */
export async function listOpenDrills(files: FileOperations, layout: Layout): Promise<string[]> {
  return (await readNames(files, layout.restoresFolder)).filter((name) => ID.test(name)).sort()
}

/** Removes one state of a drill, once nothing of it is on the target any more. */
export async function forgetDrilled(
  files: FileOperations,
  layout: Layout,
  drillId: string,
  entity: { readonly type: 'project' | 'task'; readonly id: number },
): Promise<void> {
  await withStoreErrors(`Forgetting what ${drillId} has removed`, () =>
    unlinkIfExists(files, layout.restoreState(drillIdSchema.parse(drillId), entity)),
  )
}

/** Removes the folder of a drill that has nothing noted in it any more. @returns false while it has */
export async function closeDrill(files: FileOperations, layout: Layout, drillId: string): Promise<boolean> {
  return withStoreErrors(`Ending ${drillId}`, async () => {
    try {
      await files.rmdir(layout.restoreFolder(drillIdSchema.parse(drillId)))
      return true
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return true
      if (hasErrno(error, 'ENOTEMPTY', 'EEXIST')) return false
      throw error
    }
  })
}

async function readNames(files: FileOperations, folder: string): Promise<string[]> {
  try {
    return await files.readdir(folder)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  }
}
