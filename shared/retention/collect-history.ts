// Everything the backup directory knows of one entity's archives, from records alone.

import {
  needsComposition,
  type ProjectComposition,
  planProjectComposition,
} from '#shared/composition/plan-project-composition.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type ArchiveRecord, isGood, isStale } from '#shared/store/record.ts'
import type { StoredArchive, Unrecognised } from '#shared/store/stored-archive.ts'
import { isRotten } from '#shared/store/verify-judge.ts'
import { planRetention, type RetentionRules } from './plan-retention.ts'
import { protectTask } from './protect-task.ts'
import { shiftBySpan } from './time-span.ts'

export type ArchiveState = 'good' | 'stale' | 'incomplete' | 'damaged'

export interface ShownArchive {
  readonly archive: StoredArchive
  readonly state: ArchiveState
  /** Why the retention rules keep it, or let it go with the next sweep. */
  readonly action: 'keep' | 'remove'
  readonly reasons: readonly string[]
  /** ISO 8601: when it goes if nothing newer comes; undefined as long as it stays for want of newer ones. */
  readonly keptUntil: string | undefined
  /** How the project can be put together whole; absent for good archives and for tasks. */
  readonly composition: ProjectComposition | undefined
}

export interface ShownServer {
  readonly url: string
  /** ISO 8601; undefined while the server has it, or nobody has asked. */
  readonly deletedSince: string | undefined
  /** Newest first, backups before annotation exports. */
  readonly archives: readonly ShownArchive[]
}

export interface History {
  readonly entity: EntityRef
  readonly servers: readonly ShownServer[]
  readonly unrecognised: readonly Unrecognised[]
}

export type ReadStore = Pick<Store, 'listRecords' | 'listSeries' | 'readDeletedMarker' | 'readPartReferences'>

/** @param isIncremental whether snapshots are being made, as for a sweep */
export async function collectHistory(
  entity: EntityRef,
  store: ReadStore,
  rules: RetentionRules,
  now: Date,
  isIncremental = false,
): Promise<History> {
  const { series, unrecognised } = await store.listSeries(entity)
  const servers: ShownServer[] = []
  for (const [url, own] of Map.groupBy(series, ({ serverUrl }) => serverUrl)) {
    const deletedSince = (await store.readDeletedMarker(entity, url))?.since
    const sorted = own.toSorted((a, b) => rank(a.series.content.kind) - rank(b.series.content.kind))
    const archives: ShownArchive[] = []
    for (const { archives: ofSeries } of sorted) {
      const deciding = { rules, now, deletedSince, isIncremental, unrecognised }
      for (const decision of await decide(ofSeries, store, deciding)) {
        archives.push({ ...decision, composition: await compose(decision.archive, store) })
      }
    }
    servers.push({ url, deletedSince, archives })
  }
  return { entity, servers, unrecognised }
}

export function stateOf(record: ArchiveRecord): ArchiveState {
  if (isGood(record)) return 'good'
  if (isRotten(record) || record.verification.level === 'whole') return 'damaged'
  return isStale(record) ? 'stale' : 'incomplete'
}

function rank(kind: string): number {
  return kind === 'backup' ? 0 : 1
}

/** Later than any archive's own time is over: what still stays then stays for want of newer archives. */
const FAR_FUTURE = new Date(8.64e15)

interface Deciding {
  readonly rules: RetentionRules
  readonly now: Date
  readonly deletedSince: string | undefined
  readonly isIncremental: boolean
  readonly unrecognised: readonly Unrecognised[]
}

async function decide(
  archives: readonly StoredArchive[],
  store: ReadStore,
  { rules, now, deletedSince, isIncremental, unrecognised }: Deciding,
) {
  const inTheEnd = new Map(
    planRetention(archives, { ...rules, now: FAR_FUTURE, deletedSince }).map(({ archive, action }) => [
      archive,
      action,
    ]),
  )
  const plan = planRetention(archives, { ...rules, now, deletedSince })
  // How long those stay is not known: as long as one of these does.
  const withMedia = new Set(archives.flatMap(({ record }) => record.mediaFrom?.fileName ?? []))
  return (await protectTask(plan, unrecognised, store, { now, isIncremental })).map(({ archive, action, reasons }) => {
    const { record } = archive
    const goes = inTheEnd.get(archive) === 'remove' && !withMedia.has(record.archive.fileName)
    const ends = goes ? endOfTime(record, rules, deletedSince) : undefined
    const keptUntil = action === 'keep' ? ends : undefined
    return { archive, state: stateOf(record), action, reasons, keptUntil }
  })
}

/** When neither its age nor its entity's deletion keeps it any more. */
function endOfTime(
  { createdAt, origin }: ArchiveRecord,
  rules: RetentionRules,
  deletedSince: string | undefined,
): string {
  const ofAge = Date.parse(origin.adoptedAt ?? createdAt) + rules.ttlMs
  const ofDeletion = deletedSince && rules.keepDeleted ? shiftBySpan(Date.parse(deletedSince), rules.keepDeleted, 1) : 0
  return new Date(Math.min(Math.max(ofAge, ofDeletion), 8.64e15)).toISOString()
}

/** Only the folders of the tasks that may be needed are read. */
async function compose(project: StoredArchive, store: ReadStore): Promise<ProjectComposition | undefined> {
  const { record } = project
  if (!needsComposition(record)) return undefined
  const named = new Set(record.verification.problems.map(({ taskId }) => taskId))
  const own: StoredArchive[] = []
  for (const { id } of record.observation.tasks) {
    if (named.has(id)) own.push(...(await store.listRecords({ type: 'task', id })).archives)
  }
  return planProjectComposition(project, own)
}
