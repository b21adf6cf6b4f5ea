// CVAT keeps a project's backup file under the project's own date, which does not move with a deleted frame or a job's
// stage: the file that it serves may be older than such a change (measured on CVAT 2.64.1).

import type { Observation } from '#shared/model/observation.ts'
import type { Series } from '#shared/model/series.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import type { Problem } from '#shared/store/record.ts'

/**
 * A warning for each task that changed after its project's own date. Not a problem: the archive is complete, and the file
 * may well have been made after the change. A task's own backup and annotation exports are made afresh.
 */
export function warnOfStale(series: Series, observation: Observation): Problem[] {
  if (series.entity.type !== 'project' || series.content.kind !== 'backup') return []
  return observation.tasks
    .filter((task) => compareServerDates(task.updatedDate, observation.updatedDate) > 0)
    .map((task) => ({
      code: 'may-be-stale',
      message:
        `task ${task.id} changed on ${task.updatedDate}, after the project's own date ${observation.updatedDate}: ` +
        'CVAT may have served a file from before that change; the backup of the task by itself (mode t) holds it',
      taskId: task.id,
    }))
}
