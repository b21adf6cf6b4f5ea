// The annotation export that holds a task's annotations: one of the task itself, or of its project.

import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { findArchive } from '../find-archive.ts'

export interface FoundExport {
  readonly archive: StoredArchive
  readonly format: string
  /** Set where the document is a project's: whose images are taken. */
  readonly taskId: number | undefined
}

export interface ExportWish {
  readonly taskId: number
  readonly serverUrl: string
  /** A path, or the name of a stored archive's file. */
  readonly archive: string | undefined
  readonly notAfter: Date | undefined
}

type ReadStore = Pick<Store, 'directory' | 'listEntities' | 'listRecords'>

/** @throws BackupError `no-archives`, `not-restorable` with what can be done instead */
export async function findExport(store: ReadStore, wish: ExportWish): Promise<FoundExport> {
  const archive =
    wish.archive === undefined ? await findNewest(store, wish) : await findNamed(store, wish.archive, wish)
  const { content, entity } = archive.record.series
  if (content.kind !== 'annotations') {
    throw notRestorable(
      `${archive.record.archive.fileName} is a backup, no annotation export`,
      `\`cvat-backups restore ${formatEntity(entity)} --archive ${archive.record.archive.fileName}\` makes it anew, beside what is there.`,
    )
  }
  if (!isGood(archive.record)) {
    const why = archive.record.verification.problems[0]?.message ?? 'it could not be checked to its end'
    throw notRestorable(
      `${archive.record.archive.fileName} is not good: ${why}`,
      'Name another one with --archive or --at.',
    )
  }
  const isOwn = entity.type === 'task'
  const isReadable = content.format === 'CVAT for images 1.1' || (isOwn && content.format === 'CVAT for video 1.1')
  if (!isReadable) {
    throw notRestorable(
      `${archive.record.archive.fileName} is in the format ${content.format}${isOwn ? '' : ' and of a whole project'}`,
      'Put back into one task are exports in «CVAT for images 1.1», and of single tasks those in «CVAT for video 1.1»: in others nothing tells for sure which frames are meant. CVAT itself takes them by hand: Actions, Upload annotations.',
    )
  }
  return { archive, format: content.format, taskId: isOwn ? undefined : wish.taskId }
}

async function findNamed(store: ReadStore, text: string, { taskId }: ExportWish): Promise<StoredArchive> {
  const { stored, path } = await findArchive(store, text)
  if (!stored)
    throw notRestorable(`${path} is not in the backup directory`, 'Of other files nobody knows what they are.')
  if (holds(stored, taskId)) return stored
  throw notRestorable(
    `${stored.record.archive.fileName} is of ${formatEntity(stored.entity)}, which task-${taskId} did not belong to`,
    'The export must be of the task itself, or of its project as it was then.',
  )
}

/** Of the task itself before its project's, and of those the newest. */
async function findNewest(store: ReadStore, wish: ExportWish): Promise<StoredArchive> {
  const { taskId, serverUrl, notAfter } = wish
  const isMeant = (archive: StoredArchive) =>
    archive.record.server.url === serverUrl &&
    archive.record.series.content.kind === 'annotations' &&
    isGood(archive.record) &&
    holds(archive, taskId) &&
    (!notAfter || Date.parse(archive.record.createdAt) <= notAfter.getTime())
  const found = (await store.listRecords({ type: 'task', id: taskId })).archives.filter(isMeant)
  for await (const entity of store.listEntities()) {
    if (entity.type === 'project') found.push(...(await store.listRecords(entity)).archives.filter(isMeant).slice(0, 1))
  }
  found.sort((a, b) => Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt))
  if (found[0]) return found[0]
  throw new BackupError(`there is no good annotation export of ${serverUrl} that holds task-${taskId}`, {
    code: 'no-archives',
    retryable: false,
    hint: `\`cvat-backups show task-${taskId}\` and \`show\` with its project list what there is. A backup is restored without --annotations.`,
  })
}

function holds({ entity, record }: StoredArchive, taskId: number): boolean {
  return entity.type === 'task' ? isSame(entity, taskId) : record.observation.tasks.some(({ id }) => id === taskId)
}

function isSame({ id }: EntityRef, taskId: number): boolean {
  return id === taskId
}

function notRestorable(message: string, hint: string): BackupError {
  return new BackupError(message, { code: 'not-restorable', retryable: false, hint })
}
