// Which archives a snapshot of a project can be made of: for each task the newest good one, if it is of the present state.

import { hasSameGroundTruth } from '#shared/composition/choose-own-archive.ts'
import { coversTask } from '#shared/model/change-digest.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import type { Store } from '#shared/store/open-store.ts'
import { knownObservation } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

export interface FoundPart {
  readonly task: TaskObservation
  /** N of `task_N`. */
  readonly position: number
  /** The newest good archive of the task. An older one is never a part: retention may be about to remove it. */
  readonly newest: StoredArchive | undefined
  /** Whether that is of the state in which the task was observed. */
  readonly isExact: boolean
}

/** Folders looked into at once: network mounts answer slowly. */
const PARALLEL_READS = 16

/**
 * One row for each task with data, by position.
 * @param notBefore archives asked for earlier (ISO 8601) do not count as of the present state
 */
export async function findParts(
  tasks: readonly TaskObservation[],
  { store, serverUrl }: { readonly store: Pick<Store, 'newestGood'>; readonly serverUrl: string },
  notBefore?: string,
): Promise<FoundPart[]> {
  const rows = tasks.map((task, position) => ({ task, position })).filter(({ task }) => task.size > 0)
  const found: FoundPart[] = []
  for (let start = 0; start < rows.length; start += PARALLEL_READS) {
    const batch = rows.slice(start, start + PARALLEL_READS).map(async ({ task, position }) => {
      const series = { entity: { type: 'task', id: task.id }, content: { kind: 'backup' } } as const
      const newest = await store.newestGood(series, serverUrl)
      return { task, position, newest, isExact: newest !== undefined && isOfState(newest, task, notBefore) }
    })
    found.push(...(await Promise.all(batch)))
  }
  return found
}

function isOfState({ record }: StoredArchive, task: TaskObservation, notBefore: string | undefined): boolean {
  if (notBefore !== undefined && Date.parse(record.createdAt) < Date.parse(notBefore)) return false
  const observation = knownObservation(record)
  return observation !== undefined && coversTask(observation, task) && hasSameGroundTruth(record, task)
}
