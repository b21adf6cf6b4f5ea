// What the words of a command mean: a project or a task, and one of its archives.

import { lstat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity, parseEntity } from '#shared/model/entity.ts'
import { quoteName } from '#shared/presentation/format.ts'
import type { Store } from '#shared/store/open-store.ts'
import { readFolders } from '#shared/store/read-folders.ts'
import { isGood } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { isRotten } from '#shared/store/verify-judge.ts'
import { readDate } from './read-verify-request.ts'
import { wrongUsage } from './usage.ts'

type ReadStore = Pick<Store, 'directory' | 'listEntities' | 'listRecords'>

/** An archive that was named; `stored` is absent for a file that is not in the backup directory. */
export interface NamedArchive {
  readonly path: string
  readonly stored?: StoredArchive | undefined
  /** A newer one that was passed over, since it is not good. */
  readonly passedOver?: StoredArchive | undefined
}

/**
 * `project-6`, or a name that one project or task alone has in the backup directory (that of its newest archive counts;
 * looking for a name reads all records). @throws BackupError `usage`, `no-archives`, `ambiguous`
 */
export async function findEntity(store: ReadStore, text: string): Promise<EntityRef> {
  const entity = parseEntity(text)
  if (entity) {
    const { archives, unrecognised } = await store.listRecords(entity)
    if (archives.length + unrecognised.length > 0) return entity
    throw noArchives(`there are no archives of ${text} in ${store.directory}`)
  }
  const found: EntityRef[] = []
  for await (const { entity, listing } of readFolders(await Array.fromAsync(store.listEntities()), store.listRecords)) {
    // Whoever has a folder that cannot be read is told so when it is looked into.
    if ('archives' in listing && listing.archives[0]?.record.observation.name === text) found.push(entity)
  }
  if (found.length === 1) return found[0]!
  if (found.length === 0) throw noArchives(`no project or task in ${store.directory} is named ${quoteName(text)}`)
  const names = found.map(formatEntity).sort()
  throw new BackupError(`${found.length} projects and tasks are named ${quoteName(text)}: ${names.join(', ')}`, {
    code: 'ambiguous',
    retryable: false,
    hint: 'Say which one is meant by its folder, such as project-6.',
  })
}

/**
 * A path, the file name of a stored archive, a project or task (its newest good archive), or one of these and a time
 * (`project-6@2026-11-20`: the newest that was made until then; a date counts to its end, UTC).
 */
export async function findArchive(store: ReadStore, text: string): Promise<NamedArchive> {
  const byPath = await findByPath(store, text)
  if (byPath) return byPath
  if (/\.zip$/i.test(text)) return findByFileName(store, text)
  const at = text.lastIndexOf('@')
  const until = at > 0 ? readUntil(text.slice(at + 1)) : undefined
  const entity = await findEntity(store, until ? text.slice(0, at) : text)
  return takeNewest(await listComparable(store, entity), entity, until)
}

/** The archives of an entity that may be held against each other, newest first: one server, one content, not damaged. */
export async function listComparable(store: ReadStore, entity: EntityRef): Promise<readonly StoredArchive[]> {
  const { archives } = await store.listRecords(entity)
  const sound = archives.filter(({ record }) => !isRotten(record) && record.verification.level !== 'whole')
  const servers = new Set(sound.map(({ record }) => record.server.url))
  if (servers.size > 1) {
    throw new BackupError(
      `${formatEntity(entity)} holds archives of ${servers.size} servers: ${[...servers].join(', ')}`,
      {
        code: 'ambiguous',
        retryable: false,
        hint: 'Name the archives by their paths.',
      },
    )
  }
  const backups = sound.filter(({ record }) => record.series.content.kind === 'backup')
  if (backups.length > 0) return backups
  const wanted = JSON.stringify(sound[0]?.record.series.content)
  return sound.filter(({ record }) => JSON.stringify(record.series.content) === wanted)
}

/** Of a date its end, UTC. @returns undefined for what is no time */
export function readUntil(text: string): Date | undefined {
  const date = readDate(text)
  return date && text.length === 10 ? new Date(date.getTime() + 86_400_000 - 1) : date
}

/** The newest good archive that was made until then; the newest other one if none is. */
export function takeNewest(archives: readonly StoredArchive[], entity: EntityRef, until?: Date): NamedArchive {
  const early = archives.filter(({ record }) => !until || Date.parse(record.createdAt) <= until.getTime())
  const stored = early.find(({ record }) => isGood(record)) ?? early[0]
  if (stored) return { path: stored.archivePath, stored, passedOver: early[0] === stored ? undefined : early[0] }
  const when = until ? ` from ${until.toISOString()} or before` : ' that is whole'
  throw noArchives(`there is no archive of ${formatEntity(entity)}${when}`)
}

async function findByPath(store: ReadStore, text: string): Promise<NamedArchive | undefined> {
  for (const path of [resolve(text), ...(text.includes(sep) ? [join(store.directory, text)] : [])]) {
    const isFile = await lstat(path).then(
      (stats) => stats.isFile(),
      () => false,
    )
    if (!isFile) continue
    const entity = dirname(dirname(path)) === store.directory ? parseEntity(basename(dirname(path))) : undefined
    if (!entity) return { path }
    const { archives } = await store.listRecords(entity)
    return { path, stored: archives.find(({ archivePath }) => archivePath === path) }
  }
  return undefined
}

async function findByFileName(store: ReadStore, name: string): Promise<NamedArchive> {
  if (name !== basename(name)) throw noArchives(`there is no file ${name}`)
  for await (const entity of store.listEntities()) {
    const found = await findByPath(store, join(formatEntity(entity), name))
    if (found) return found
  }
  throw noArchives(`there is no file ${name}, neither here nor in ${store.directory}`)
}

/** @throws BackupError `usage` unless it is a time */
export function requireUntil(text: string): Date {
  const until = readUntil(text)
  if (until) return until
  throw wrongUsage(`«${text}» is neither an archive nor a time such as 2026-11-20 or 2026-11-20T12:00Z`)
}

function noArchives(message: string): BackupError {
  return new BackupError(message, {
    code: 'no-archives',
    retryable: false,
    hint: '`cvat-backups list` shows what is there.',
  })
}
