// Which two archives the words behind `diff` mean, the earlier one first.

import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import {
  findArchive,
  findEntity,
  listComparable,
  type NamedArchive,
  readUntil,
  requireUntil,
  takeNewest,
} from '../find-archive.ts'
import { wrongUsage } from '../usage.ts'

type ReadStore = Pick<Store, 'directory' | 'listEntities' | 'listRecords'>

/**
 * `ENTITY`: its newest two. `ENTITY TIME`: the newest until then, against the newest. `ENTITY TIME TIME`: of each the
 * newest until then. `A B`: two archives as findArchive takes them.
 */
export async function chooseArchives(
  store: ReadStore,
  words: readonly string[],
): Promise<{ before: NamedArchive; after: NamedArchive }> {
  const [first, second, third] = words
  if (first === undefined || words.length > 3) throw wrongUsage('diff takes a project or task, or two archives of one')
  if (second !== undefined && third === undefined && !readUntil(second)) {
    return { before: await findArchive(store, first), after: await findArchive(store, second) }
  }
  const entity = await findEntity(store, first)
  const archives = await listComparable(store, entity)
  if (second !== undefined) {
    const before = takeNewest(archives, entity, requireUntil(second))
    return { before, after: takeNewest(archives, entity, third === undefined ? undefined : requireUntil(third)) }
  }
  const [newest, other] = archives
  if (newest && other) return { before: name(other), after: name(newest) }
  throw new BackupError(`${formatEntity(entity)} has ${archives.length} archives that can be compared, not two`, {
    code: 'no-archives',
    retryable: false,
    hint: '`cvat-backups show` tells what there is of it.',
  })
}

function name(stored: NonNullable<NamedArchive['stored']>): NamedArchive {
  return { path: stored.archivePath, stored }
}
