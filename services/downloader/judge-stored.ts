// What a stored archive is worth, and what that means for its run. Read from the record alone, so that a handler which
// is repeated says the same again.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import { type ArchiveRecord, isGood, isStale } from '#shared/store/record.ts'

const NAMED = 10
const WARNINGS_NAMED = 3

/**
 * Good archives are, and stale ones of projects: what is old in them is backed up task by task. A stale archive of a task
 * is not: there is no other way to get that task from CVAT.
 */
export function isOfUse(record: ArchiveRecord): boolean {
  return isGood(record) || (isStale(record) && record.series.entity.type === 'project')
}

/** @throws BackupError `incomplete` or `stale`, with what to do about it */
export function assertOfUse(record: ArchiveRecord): void {
  if (isOfUse(record)) return
  const problems = record.verification.problems.map(({ message }) => message)
  const shown = problems.slice(0, 5).join('; ') + (problems.length > 5 ? `; and ${problems.length - 5} more` : '')
  const { type } = record.series.entity
  if (isStale(record)) {
    throw new BackupError(`CVAT serves an old file. ${cut(shown)}`, {
      code: 'stale',
      retryable: false,
      hint: `The archive is kept and marked. CVAT makes a new file when the ${type} changes: change anything in it, e.g. its name, then back up again.`,
    })
  }
  throw new BackupError(`CVAT's archive is incomplete: ${cut(shown)}`, {
    code: 'incomplete',
    retryable: false,
    hint:
      "The archive is kept and marked, but is no good backup. Bring the task's media back on the server; then change anything in " +
      `the ${type}, e.g. its name, and back up again: until its date moves, CVAT serves the incomplete file.`,
  })
}

/** What a done backup's outcome says besides its size: nothing for a good archive that CVAT restores without a loss. */
export function describeStored(
  record: ArchiveRecord,
  organization: string | null,
): Pick<Outcome, 'reason' | 'alsoBackUp'> {
  const stale = describeStale(record, organization)
  const reasons = [...(stale.reason === undefined ? [] : [stale.reason]), ...describeWarnings(record)]
  return reasons.length === 0 ? {} : { ...stale, reason: cut(reasons.join('; ')) }
}

/** Better known now than on the day of the restore. */
export function describeWarnings({ verification: { warnings } }: ArchiveRecord): string[] {
  if (warnings.length === 0) return []
  const shown = warnings.slice(0, WARNINGS_NAMED).map(({ message }) => message)
  if (warnings.length > shown.length) shown.push(`and ${warnings.length - shown.length} more, in the record`)
  return [`before a restore, know this: ${shown.join('; ')}`]
}

function describeStale(record: ArchiveRecord, organization: string | null): Pick<Outcome, 'reason' | 'alsoBackUp'> {
  if (!isStale(record)) return {}
  const tasks = listStaleTasks(record)
  if (tasks.length === 0) {
    return { reason: 'CVAT served an old file; it holds a task that has left the project, and all that are in it' }
  }
  const ids = tasks.slice(0, NAMED).map(({ id }) => id)
  const more = tasks.length > NAMED ? ` and ${tasks.length - NAMED} more` : ''
  const [noun, verb] =
    tasks.length === 1 ? ['task', 'is backed up by itself'] : ['tasks', 'are backed up by themselves']
  return {
    reason: `CVAT served an old file; ${noun} ${ids.join(', ')}${more} ${verb}`,
    alsoBackUp: { organization, tasks },
  }
}

function listStaleTasks({ verification, observation }: ArchiveRecord): TaskObservation[] {
  const stale = new Set(verification.problems.map(({ taskId }) => taskId))
  return observation.tasks.filter(({ id }) => stale.has(id))
}

/** Names from the server may be long, and a job of the outcomes queue is not. */
function cut(text: string): string {
  return text.length > 1_500 ? `${text.slice(0, 1_499)}…` : text
}
