// A project's archive as what a snapshot of it is made of: the project part, and an archive for each of its tasks. The
// reverse of composing; CVAT is not needed for it.

import {
  type ArchiveFile,
  type CompositionPlan,
  planProjectExtraction,
  planTaskExtraction,
} from './composition-plan.ts'
import type { SourceFacts } from './source-archive.ts'

export interface TakenApart {
  /** The archive of the project without tasks: guide, pictures, project.json. */
  readonly project: CompositionPlan
  /** By position: N of `task_N`, with gaps where tasks have no data. */
  readonly tasks: readonly TakenTask[]
}

export interface TakenTask {
  readonly position: number
  /** As the task's own backup would be: equal by members, names, order and CRC-32. */
  readonly plan: CompositionPlan
}

/**
 * Each plan is streamed to a file of its own; the same archive gives the same files. Nothing is read here.
 *
 * @param folders of openSourceArchive over the same archive
 */
export function planTakingApart(archive: ArchiveFile, folders: SourceFacts['folders']): TakenApart {
  const positions = [...folders.keys()].flatMap((folder) => /^task_(\d+)\/$/.exec(folder)?.[1] ?? []).map(Number)
  return {
    project: planProjectExtraction(archive),
    tasks: positions
      .sort((a, b) => a - b)
      .map((position) => ({ position, plan: planTaskExtraction(archive, position) })),
  }
}
