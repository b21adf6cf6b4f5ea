// What a restore is asked for, as projects and tasks with the archive that each is taken from.

import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { chooseFor, listRestorable, type Restorable } from '#shared/restores/list-restorable.ts'
import type { Store } from '#shared/store/open-store.ts'
import { findArchive, findEntity } from '../find-archive.ts'
import type { RestoreRequest } from './read-restore-request.ts'

/** Those that were named, by id or by name; undefined for all. @throws BackupError `no-archives`, `ambiguous` */
export async function findNamed(
  store: Store,
  { all, entities, words }: Pick<RestoreRequest, 'all' | 'entities' | 'words'>,
): Promise<EntityRef[] | undefined> {
  if (all) return undefined
  const found = new Map(entities.map((entity) => [formatEntity(entity), entity]))
  for (const word of words) {
    const entity = await findEntity(store, word)
    found.set(formatEntity(entity), entity)
  }
  return [...found.values()]
}

export async function chooseRestorable(
  store: Store,
  named: readonly EntityRef[] | undefined,
  request: Pick<RestoreRequest, 'at' | 'archive' | 'withDeleted'>,
  serverUrl: string,
): Promise<Restorable[]> {
  const { at: notAfter, archive, withDeleted } = request
  if (!named) return Array.fromAsync(listRestorable(store, { serverUrl, notAfter, withDeleted }))
  if (archive !== undefined) return [await takeArchive(store, named[0]!, archive)]
  const chosen: Restorable[] = []
  for (const entity of named) chosen.push(await chooseNamed(store, entity, serverUrl, notAfter))
  return chosen
}

async function chooseNamed(
  store: Store,
  entity: EntityRef,
  serverUrl: string,
  notAfter: Date | undefined,
): Promise<Restorable> {
  const chosen = await chooseFor(store, entity, { serverUrl, notAfter })
  if (chosen) return chosen
  const [newest] = (await store.listRecords(entity)).archives
  const reason = newest
    ? `of ${serverUrl} there are only annotation exports, of which CVAT makes nothing new`
    : 'there is no archive of it'
  return { entity, name: newest?.record.observation.name ?? '', archive: undefined, reason }
}

/** One that somebody has decided for, whatever is wrong with it: what it lacks is told as a difference. */
async function takeArchive(store: Store, entity: EntityRef, text: string): Promise<Restorable> {
  const { stored, path } = await findArchive(store, text)
  if (stored && formatEntity(stored.entity) === formatEntity(entity)) {
    return { entity, name: stored.record.observation.name, archive: stored, reason: 'asked for' }
  }
  throw new BackupError(`${path} is no archive of ${formatEntity(entity)} in the backup directory`, {
    code: 'no-archives',
    retryable: false,
    hint: `cvat-backups show ${formatEntity(entity)} lists its archives; cvat-backups adopt takes over files from elsewhere.`,
  })
}
