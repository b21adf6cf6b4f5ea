// Summaries of runs: what a person reads to see how the last nights went. Plain JSON, one file a run.

import { join } from 'node:path'
import { z } from 'zod'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJson } from './read-json.ts'
import { withStoreErrors } from './store-errors.ts'
import { writeJsonAtomically } from './write-json.ts'

/** Only what finding and ordering runs needs; everything else is the writer's and is kept as it is. */
export const runRecordSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('run'),
  runId: z.string().min(1),
  /** Our clock, ISO 8601 UTC. */
  startedAt: z.iso.datetime(),
})

export type RunRecord = z.infer<typeof runRecordSchema>

/** Writes or replaces the run's summary. */
export async function writeRunRecord(
  files: FileOperations,
  layout: Layout,
  record: RunRecord,
  now: Date,
): Promise<void> {
  const value = runRecordSchema.parse(record)
  await withStoreErrors(`Writing the summary of run ${value.runId}`, () =>
    writeJsonAtomically(files, {
      temporaryPath: layout.newTemporary(value.runId, now),
      finalPath: layout.runRecord(value.runId),
      value,
    }),
  )
}

/** The newest summaries, newest first; files that are none are passed over. Holds no more than `limit` of them. */
export async function readRunRecords(
  files: FileOperations,
  layout: Layout,
  { limit = 20 }: { readonly limit?: number } = {},
): Promise<RunRecord[]> {
  return withStoreErrors('Reading the summaries of runs', async () => {
    const newest: RunRecord[] = []
    for (const name of await files.readdir(layout.runsFolder)) {
      if (!name.endsWith('.json')) continue
      const parsed = runRecordSchema.safeParse(await readJson(files, join(layout.runsFolder, name)))
      if (!parsed.success || `${parsed.data.runId}.json` !== name) continue
      newest.push(parsed.data)
      newest.sort((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))
      newest.length = Math.min(newest.length, limit)
    }
    return newest
  })
}
