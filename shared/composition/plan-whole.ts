// A stored archive that is not whole by itself, as the one file that CVAT would have made of it.

import { formatEntity } from '#shared/model/entity.ts'
import { isSnapshot, isThin } from '#shared/store/record.ts'
import { sanitiseName } from '#shared/store/sanitise-name.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { type CompositionPlan, planFolder } from './composition-plan.ts'
import { openSourceArchive } from './open-source-archive.ts'

/** Whether CVAT takes the file as it lies there: a snapshot's is its project part alone, and media may be kept elsewhere. */
export function isOneFile({ record }: Pick<StoredArchive, 'record'>): boolean {
  return !isSnapshot(record) && !isThin(record)
}

/** All that there is, in CVAT's order: the project part, then the tasks by their places. @throws as openSourceArchive */
export async function planWhole(archive: StoredArchive, signal: AbortSignal): Promise<CompositionPlan> {
  await using source = await openSourceArchive(archive.archivePath, { signal })
  return { parts: [...source.folders.keys()].map((folder) => planFolder(archive, folder, folder)) }
}

/** A name for that file: `project-6-Pallets-20261126T062131Z.zip`. */
export function nameWhole({ entity, record }: StoredArchive): string {
  const time = record.archive.fileName.slice(0, record.archive.fileName.indexOf('-'))
  return `${formatEntity(entity)}-${sanitiseName(record.observation.name)}-${time}.zip`
}
