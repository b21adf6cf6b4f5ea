// The archive that shows an entity's last state in the backup directory, found from the records alone.

import { type ChangeDigest, coversTask, describeChange, digestObservation } from '#shared/model/change-digest.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { formatContent, type Series } from '#shared/model/series.ts'
import type { ProtectedArchive } from '#shared/protection/protection-table.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type ArchiveRecord, contentBytes, isSnapshot, isStale, knownObservation } from '#shared/store/record.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import type { LastArchive } from './decide-backup.ts'

type ReadStore = Pick<Store, 'newestGood' | 'listRecords'>

export interface FoundArchives {
  /**
   * The newest good archive; or, when it does not show the present state but an archive of a project into which CVAT put
   * an old file does, that one, with what the tasks' own archives add to it.
   */
  readonly last: LastArchive | undefined
  /** The newest that protects the entity, also one of which it is not known what the server said (an adopted one). */
  readonly archive: ProtectedArchive | undefined
}

export async function findLastArchive(
  series: Series,
  present: ChangeDigest,
  store: ReadStore,
  serverUrl: string,
): Promise<FoundArchives> {
  const good = (await store.newestGood(series, serverUrl))?.record
  const observation = good && knownObservation(good)
  const outdated = good && describeDrift(good)
  const last = good &&
    observation && { digest: digestObservation(observation), createdAt: good.createdAt, ...(outdated && { outdated }) }
  const found = { last, archive: good && describe(good) }
  if (outdated) return found
  if (last && !describeChange(last.digest, present)) return found
  if (series.entity.type !== 'project' || series.content.kind !== 'backup') return found
  const stale = await findStale(series, present, store, serverUrl)
  return stale ? { last: await addTasks(stale, store, serverUrl), archive: describe(stale) } : found
}

function describe(record: ArchiveRecord): ProtectedArchive {
  const { createdAt, verification } = record
  return { createdAtMs: Date.parse(createdAt), sizeBytes: contentBytes(record), level: verification.level }
}

/** Dates of the whole do not tell of a task that changed before another one did, and after its own part was made. */
function describeDrift({ snapshot }: ArchiveRecord): string | undefined {
  const drifted = snapshot?.parts.filter(({ isDrifted }) => isDrifted) ?? []
  if (drifted.length === 0) return undefined
  const ids = drifted.slice(0, 5).map(({ taskId }) => taskId)
  return `changed while its last snapshot was made (task ${ids.join(', ')}${drifted.length > 5 ? ', …' : ''})`
}

async function findStale(series: Series, present: ChangeDigest, store: ReadStore, serverUrl: string) {
  const url = normaliseServerUrl(serverUrl)
  const wanted = formatContent(series.content)
  const { archives } = await store.listRecords(series.entity)
  return archives.find(
    ({ record }) =>
      // A snapshot with an old part is made anew: that is one export of one task.
      !isSnapshot(record) &&
      isStale(record) &&
      record.server.url === url &&
      formatContent(record.series.content) === wanted &&
      !describeChange(digestObservation(record.observation), present),
  )?.record
}

async function addTasks(record: ArchiveRecord, store: ReadStore, serverUrl: string): Promise<LastArchive> {
  const { observation, verification, createdAt } = record
  const named = new Set(verification.problems.map(({ taskId }) => taskId))
  const covered: TaskObservation[] = []
  const uncovered: TaskObservation[] = []
  for (const task of observation.tasks.filter(({ id }) => named.has(id))) {
    const series: Series = { entity: { type: 'task', id: task.id }, content: { kind: 'backup' } }
    const own = (await store.newestGood(series, serverUrl))?.record
    const known = own && knownObservation(own)
    const isCovered = known !== undefined && coversTask(known, task)
    const list = isCovered ? covered : uncovered
    list.push(task)
  }
  return { digest: digestObservation(observation), createdAt, stale: { covered, uncovered } }
}
