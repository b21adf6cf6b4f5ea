// Asks the target what has become of a restore, and tells all differences.

import type { CvatClient } from '#shared/cvat/client.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Difference } from '#shared/store/restore-state.ts'
import { compareLabels, compareTask, type RestoredTask } from './compare-task.ts'
import type { Upload } from './compose-upload.ts'
import { digestNames } from './digest-names.ts'
import { expectLabels, expectTasks } from './expect-content.ts'

export type CompareClient = Pick<CvatClient, 'listTasks' | 'listJobs' | 'getTask' | 'contents'>

/** More would bury what matters: the rest is counted. */
const MOST_DIFFERENCES = 200

interface TaskRow {
  readonly id: number
  readonly name: string
  readonly subset: string
  readonly size: number
}

/**
 * @param restored on the target
 * @param names what it may be called by now: marked, or renamed by an attempt that was killed right after
 */
export async function compareRestored(
  restored: EntityRef,
  upload: Upload,
  archivePath: string,
  names: readonly string[],
  cvat: CompareClient,
  signal: AbortSignal,
): Promise<Difference[]> {
  const labels = await expectLabels(archivePath, `${restored.type}.json`, signal)
  const present = await cvat.contents.listLabels(restored, signal)
  const found = compareLabels(labels, present.map((label) => label.name).sort())
  // Tasks are made in the order of the archive, so that their ids rise with their positions.
  const rows = listRestoredTasks(restored, cvat, signal)
  for await (const expected of expectTasks(upload, signal)) {
    const next = await rows.next()
    const row = next.done ? undefined : next.value
    const isNamed = restored.type === 'task' && row !== undefined && names.includes(row.name)
    const wanted = isNamed ? { ...expected, name: row.name } : expected
    found.push(...compareTask(wanted, row && (await readTask(row, cvat, signal))))
  }
  for await (const row of rows) found.push({ where: `task "${row.name}"`, what: 'is not in the archive' })
  if (found.length <= MOST_DIFFERENCES) return found
  const more = found.length - MOST_DIFFERENCES
  return [...found.slice(0, MOST_DIFFERENCES), { where: 'and', what: `${more} more differences` }]
}

async function* listRestoredTasks(
  { type, id }: EntityRef,
  cvat: CompareClient,
  signal: AbortSignal,
): AsyncGenerator<TaskRow> {
  if (type === 'task') yield await cvat.getTask(id, signal)
  else for await (const page of cvat.listTasks({ projectId: id }, signal)) yield* page
}

async function readTask(row: TaskRow, cvat: CompareClient, signal: AbortSignal): Promise<RestoredTask> {
  const { frames, deleted_frames } = await cvat.contents.getFrames(row.id, signal)
  const names = digestNames()
  for (const frame of frames) names.add(frame.name)
  const jobs = []
  let annotations = 0
  for await (const page of cvat.listJobs({ taskId: row.id }, signal)) {
    for (const job of page) {
      // A job without frames is not one that an archive has.
      jobs.push({ type: job.type, startFrame: job.start_frame ?? -1, stopFrame: job.stop_frame ?? -1 })
      annotations += await cvat.contents.countJobAnnotations(job.id, signal)
    }
  }
  return {
    id: row.id,
    name: row.name,
    subset: row.subset,
    frames: row.size,
    deletedFrames: deleted_frames,
    jobs,
    annotations,
    frameNames: names.count() === row.size ? names.digest() : undefined,
  }
}
