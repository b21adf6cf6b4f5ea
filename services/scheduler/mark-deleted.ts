// Notes in the backup directory which of its entities the server no longer has: retention keeps their archives longer.

import type { Logger } from 'pino'
import type { CvatClient } from '#shared/cvat/client.ts'
import { idIsIn } from '#shared/cvat/list-scopes.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, type EntityType, formatEntity } from '#shared/model/entity.ts'
import type { StartRun } from '#shared/queues/runs-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import type { Filters } from './match-filter.ts'
import type { SeenIds } from './seen-ids.ts'

export interface MarkDeletedDeps {
  readonly cvat: Pick<CvatClient, 'listProjects' | 'listTasks' | 'getProject' | 'getTask'>
  readonly store: Pick<Store, 'listEntities' | 'listSeries' | 'readDeletedMarker' | 'writeDeletedMarker'>
  readonly serverUrl: string
  /** What the listing before has just shown: it need not be asked about again. */
  readonly seen?: Pick<SeenIds, 'has'> | undefined
}

/** Entities asked for in one call. It bounds the memory, and keeps the call's address below 4 kB. */
const BATCH = 200

/** CVAT's ids are 32-bit: its database fails at a larger one, for all that are asked about in the same call. */
const HIGHEST_ID = 2 ** 31 - 1

/**
 * Whether a run's listing was of everything. Who restricts it, by filters, an organization or names, looks after a part
 * of the directory and has no say in the rest.
 */
export function sawEverything(
  request: Pick<StartRun, 'entities'>,
  scope: { readonly filters: Filters; readonly organization?: string | undefined },
): boolean {
  return !request.entities && !scope.filters.include && !scope.filters.exclude && !scope.organization
}

/**
 * Asks the server, a batch of folders at a time, which entities it has that were not seen, and for each that is missing by its id. Only
 * "there is none" (404) counts: what the login may not see any more (403) is not deleted. May run twice.
 */
export async function markDeleted(deps: MarkDeletedDeps, logger: Logger, signal: AbortSignal): Promise<number> {
  const batches: Record<EntityType, number[]> = { project: [], task: [] }
  let marked = 0
  const flush = async (type: EntityType) => {
    for await (const entity of listMissing(type, batches[type].splice(0), deps, signal)) {
      if (!(await isOurs(entity, deps)) || !(await isGone(entity, deps, signal))) continue
      await deps.store.writeDeletedMarker(entity, deps.serverUrl)
      logger.info({ entity: formatEntity(entity) }, 'is no longer on the server, its archives are marked')
      marked++
    }
  }
  for await (const { type, id } of deps.store.listEntities()) {
    if (id > HIGHEST_ID || deps.seen?.has({ type, id })) continue
    if (batches[type].push(id) === BATCH) await flush(type)
  }
  await flush('project')
  await flush('task')
  return marked
}

async function* listMissing(
  type: EntityType,
  ids: readonly number[],
  { cvat }: MarkDeletedDeps,
  signal: AbortSignal,
): AsyncGenerator<EntityRef> {
  if (ids.length === 0) return
  const missing = new Set(ids)
  const pages =
    type === 'project'
      ? cvat.listProjects({ filter: idIsIn(ids), maxPageSize: BATCH }, signal)
      : cvat.listTasks({ idIn: ids, maxPageSize: BATCH }, signal)
  for await (const rows of pages) {
    for (const { id } of rows) missing.delete(id)
  }
  for (const id of missing) yield { type, id }
}

/** Whether it has archives from this server, and no marker yet. The folder may be another server's. */
async function isOurs(entity: EntityRef, { store, serverUrl }: MarkDeletedDeps): Promise<boolean> {
  if (await store.readDeletedMarker(entity, serverUrl)) return false
  const { series } = await store.listSeries(entity)
  const url = normaliseServerUrl(serverUrl)
  return series.some((each) => each.serverUrl === url)
}

async function isGone({ type, id }: EntityRef, { cvat }: MarkDeletedDeps, signal: AbortSignal): Promise<boolean> {
  try {
    await (type === 'project' ? cvat.getProject(id, signal) : cvat.getTask(id, signal))
    return false
  } catch (error) {
    if (!(error instanceof BackupError)) throw error
    if (error.code === 'not-found') return true
    if (error.code === 'forbidden') return false
    throw error
  }
}
