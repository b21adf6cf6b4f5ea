// Which own archive of a task takes its place in its project's archive. Pure.

import { coversTask } from '#shared/model/change-digest.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import { type ArchiveRecord, isGood, knownObservation } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/** The backups of single tasks on the project's server, by task, newest first. */
export function groupOwn(
  record: ArchiveRecord,
  archives: readonly StoredArchive[],
  notAfter: string | undefined,
): Map<number, StoredArchive[]> {
  const limitMs = notAfter === undefined ? Number.POSITIVE_INFINITY : Date.parse(notAfter)
  const usable = archives.filter(({ record: { series, server, createdAt } }) => {
    const isOwn = series.entity.type === 'task' && series.content.kind === 'backup'
    return isOwn && server.url === record.server.url && Date.parse(createdAt) <= limitMs
  })
  const newestFirst = usable.toSorted((a, b) => Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt))
  return Map.groupBy(newestFirst, ({ entity }) => entity.id)
}

/** The newest good one of the state that was observed, else the newest good one of a later state; with the reason. */
export function chooseOwnArchive(
  own: readonly StoredArchive[],
  task: TaskObservation,
  project: ArchiveRecord,
): { archive: StoredArchive; reason: string } | undefined {
  const good = own.filter(({ record }) => isGood(record) && knownObservation(record) !== undefined)
  const exact = good.find(({ record }) => coversTask(record.observation, task) && hasSameGroundTruth(record, task))
  if (exact) return { archive: exact, reason: `its own archive of ${exact.record.createdAt} is of the same state` }
  const later = good.find(({ record }) => isLater(record, project, task))
  if (!later) return undefined
  return { archive: later, reason: `its own archive of ${later.record.createdAt} is of a later state` }
}

/** Ground truth jobs come and go without moving a date; older records do not tell their number. */
export function hasSameGroundTruth({ observation }: ArchiveRecord, task: TaskObservation): boolean {
  const own = observation.tasks[0]?.groundTruthJobs
  return own === undefined || task.groundTruthJobs === undefined || own === task.groundTruthJobs
}

function isLater(own: ArchiveRecord, project: ArchiveRecord, task: TaskObservation): boolean {
  const isTakenLater = Date.parse(own.createdAt) >= Date.parse(project.createdAt)
  return isTakenLater && compareServerDates(own.observation.updatedDate, task.updatedDate) >= 0
}

/** Why none was chosen. */
export function describeNone(own: readonly StoredArchive[]): string {
  const newest = own[0]
  if (!newest) return 'it has no archive of its own'
  const [good] = own.filter(({ record }) => isGood(record) && knownObservation(record) !== undefined)
  if (!good) return `of its own archives (the newest of ${newest.record.createdAt}) none is good`
  return `its own archive of ${good.record.createdAt} is of an earlier state`
}
