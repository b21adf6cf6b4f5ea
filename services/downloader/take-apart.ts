// Takes a task out of an archive of its whole project, as an archive of its own: so a project that was backed up whole until
// now needs no export of what has not changed since.

import { planTaskExtraction } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { coversTask } from '#shared/model/change-digest.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Observation, TaskObservation } from '#shared/model/observation.ts'
import { compareServerDates } from '#shared/model/server-date.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type ArchiveRecord, isGood, isSnapshot, isStale, knownObservation } from '#shared/store/record.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { DiskRoom } from './disk-room.ts'

export interface TakeApartDeps {
  readonly store: Store
  readonly room: Pick<DiskRoom, 'promise'>
  readonly serverUrl: string
}

/** The project's whole archives that tasks can be taken out of, newest first. */
export async function listWholeArchives(project: EntityRef, { store, serverUrl }: TakeApartDeps) {
  const url = normaliseServerUrl(serverUrl)
  const { archives } = await store.listRecords(project)
  return archives.filter(({ record }) => {
    const isUsable = isGood(record) || isStale(record)
    const isBackup = record.series.content.kind === 'backup' && !isSnapshot(record)
    return isUsable && isBackup && record.server.url === url && knownObservation(record) !== undefined
  })
}

/** The archive that holds the task in its present state; undefined where none is known to. */
export function findWholeWith(task: TaskObservation, wholes: readonly StoredArchive[]): StoredArchive | undefined {
  return wholes.find(({ record }) => holdsTask(record, task))
}

function holdsTask({ observation, members, verification }: ArchiveRecord, task: TaskObservation): boolean {
  const observed = observation.tasks.find(({ id }) => id === task.id)
  if (!observed || !members.perTask.some(({ taskId }) => taskId === task.id)) return false
  if (verification.problems.some(({ taskId }) => taskId === task.id)) return false
  if (observed.groundTruthJobs !== task.groundTruthJobs) return false
  // CVAT may have put in an old state of what is newer than its project; at level fresh it was asked.
  const isSuspect = compareServerDates(observed.updatedDate, observation.updatedDate) > 0
  return (verification.level === 'fresh' || !isSuspect) && coversTask(asOwn(observed, observation), task)
}

function asOwn(task: TaskObservation, { organization }: Observation): Observation {
  return { name: task.name, organization, updatedDate: task.updatedDate, tasks: [task] }
}

/**
 * Writes and commits the task's archive; its members are those of the project's archive, byte by byte. May run twice.
 *
 * @returns undefined where the part turns out not to be sound or whole: then it is exported
 * @throws BackupError for faults of the disk; the signal's reason
 */
export async function takeTaskOut(
  whole: StoredArchive,
  taskId: number,
  { runId }: { readonly runId: string },
  { store, room }: TakeApartDeps,
  signal: AbortSignal,
): Promise<StoredArchive | undefined> {
  const { record } = whole
  const { position } = record.members.perTask.find((row) => row.taskId === taskId)!
  const observed = record.observation.tasks.find(({ id }) => id === taskId)!
  const observation = asOwn(observed, record.observation)
  const content = { kind: 'backup' } as const
  const backupId = `${runId}-apart.task-${taskId}.backup`
  // Of an earlier run of this job, which was killed: this is the only one at work on it.
  await store.discardPartials(backupId)
  await using partial = await store.createPartial(backupId)
  try {
    const composed = await openComposedArchive(planTaskExtraction(whole, position), { signal })
    using promised = await room.promise(composed.sizeBytes)
    for await (const chunk of composed.stream()) {
      await partial.write(chunk)
      await promised.advance(chunk.length)
    }
    await partial.finish()
    const inspection = await inspectArchive(partial.path, { entityType: 'task', content, observation, signal })
    if (inspection.problems.length > 0) {
      await partial.discard()
      return undefined
    }
    return await store.commitArchive({
      partialPath: partial.path,
      // What was known of the whole is known of it, and no more.
      inspection: { ...inspection, level: record.verification.level === 'fresh' ? 'fresh' : 'complete' },
      series: { entity: { type: 'task', id: taskId }, content },
      server: record.server,
      observation,
      createdAt: record.createdAt,
      origin: { runId, backupId, attempts: 1, part: true, takenFrom: record.archive.fileName },
    })
  } catch (error) {
    await partial.discard().catch(() => undefined)
    // The whole archive is damaged or has gone: nothing is lost, the task is exported.
    if (error instanceof BackupError && UNUSABLE.has(error.code)) return undefined
    throw error
  }
}

const UNUSABLE = new Set([
  'damaged-archive',
  'truncated-archive',
  'not-a-zip',
  'unsound-archive',
  'archive-changed',
  'no-such-member',
  'not-found',
])
