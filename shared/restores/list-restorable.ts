// What `restore --all` is about: every project, and every task that no project's archive holds, each with the archive that
// is taken.

import type { EntityRef } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood, knownObservation } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { type Choice, chooseArchive } from './choose-archive.ts'

export interface Restorable extends Choice {
  readonly entity: EntityRef
  /** For people: the newest name. */
  readonly name: string
}

export interface RestorableScope {
  /** Of which server: one directory may hold archives of several. */
  readonly serverUrl: string
  readonly notAfter: Date | undefined
  /** What was deleted on the server stays away unless this is set. */
  readonly withDeleted: boolean
}

type ReadStore = Pick<Store, 'listEntities' | 'listRecords' | 'readDeletedMarker'>

/** Projects by id, then tasks by id. Ids are held, and one entity's records at a time. */
export async function* listRestorable(store: ReadStore, scope: RestorableScope): AsyncGenerator<Restorable> {
  const entities = (await Array.fromAsync(store.listEntities())).sort((a, b) => a.id - b.id)
  const inProjects = new Set<number>()
  for (const type of ['project', 'task'] as const) {
    for (const entity of entities.filter((one) => one.type === type)) {
      if (type === 'task' && inProjects.has(entity.id)) continue
      const restorable = await chooseFor(store, entity, scope)
      if (!restorable) continue
      const { archive } = restorable
      if (type === 'project' && archive) for (const id of taskIdsOf(archive)) inProjects.add(id)
      if (!scope.withDeleted && (await store.readDeletedMarker(entity, scope.serverUrl))) continue
      yield restorable
    }
  }
}

/** Undefined where the server has nothing in that folder that could be restored: annotation exports alone. */
export async function chooseFor(
  store: ReadStore,
  entity: EntityRef,
  { serverUrl, notAfter }: Pick<RestorableScope, 'serverUrl' | 'notAfter'>,
): Promise<Restorable | undefined> {
  const own = ({ record }: StoredArchive) => record.server.url === serverUrl && record.series.content.kind === 'backup'
  const archives = (await store.listRecords(entity)).archives.filter(own)
  const [newest] = archives
  if (!newest) return undefined
  const taskArchives: StoredArchive[] = []
  const until = notAfter?.toISOString()
  const first = archives.find(({ record }) => until === undefined || record.createdAt <= until)
  // Most need none of them.
  if (entity.type === 'project' && first && !isGood(first.record)) {
    const ids = new Set(archives.flatMap(taskIdsOf))
    for (const id of ids) taskArchives.push(...(await store.listRecords({ type: 'task', id })).archives.filter(own))
  }
  return { entity, name: newest.record.observation.name, ...chooseArchive(archives, taskArchives, notAfter) }
}

function taskIdsOf({ record }: StoredArchive): number[] {
  return knownObservation(record)?.tasks.map(({ id }) => id) ?? []
}
