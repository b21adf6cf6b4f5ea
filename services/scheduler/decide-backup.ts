// Whether an entity needs a new backup. A pure decision: the listing and what is stored in, a reason out.

import { type ChangeDigest, describeChange } from '#shared/model/change-digest.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import type { Subject } from './subject.ts'

export interface Decision {
  readonly action: 'backup' | 'skip' | 'empty'
  readonly reason: string
  /** Tasks of a project that is skipped of which nothing stored holds the present state. */
  readonly uncovered: readonly TaskObservation[]
}

/** What is known of the archive that shows the entity's last state in the directory. */
export interface LastArchive {
  readonly digest: ChangeDigest
  /** ISO 8601 UTC. */
  readonly createdAt: string
  /** What shows, besides the dates, that it is not of the present state. */
  readonly outdated?: string
  /** Where CVAT served an old file: the tasks that are old in it. Absent for a good archive. */
  readonly stale?: { readonly covered: readonly TaskObservation[]; readonly uncovered: readonly TaskObservation[] }
}

export function decideBackup(subject: Subject, last: LastArchive | undefined, full: boolean): Decision {
  const decide = (action: Decision['action'], reason: string): Decision => ({ action, reason, uncovered: [] })
  if (subject.size === 0) return decide('empty', 'the task has no data yet')
  if (full) return decide('backup', 'asked for in full')
  if (!last) return decide('backup', 'has no good archive yet')
  if (last.outdated !== undefined) return decide('backup', last.outdated)
  const change = describeChange(last.digest, subject.digest)
  if (change) return decide('backup', change)
  const reason = `unchanged since its archive of ${last.createdAt}`
  if (!last.stale) return decide('skip', reason)
  // Exporting again would bring the same old file, and keep it alive on the server.
  const { covered, uncovered } = last.stale
  const own =
    covered.length === 0 ? '' : `, with ${nameTasks(covered, ['from its own archive', 'from their own archives'])}`
  const again =
    uncovered.length === 0
      ? ''
      : `; ${nameTasks(uncovered, ['is to be backed up by itself', 'are to be backed up by themselves'])}`
  return { action: 'skip', reason: `${reason}${own}${again}`, uncovered }
}

function nameTasks(tasks: readonly TaskObservation[], [ofOne, ofMany]: readonly [string, string]): string {
  const ids = tasks.map(({ id }) => id)
  if (ids.length === 1) return `task ${ids[0]} ${ofOne}`
  const more = ids.length > 10 ? ` and ${ids.length - 10} more` : ''
  return `tasks ${ids.slice(0, 10).join(', ')}${more} ${ofMany}`
}
