// Keeps a task's media once: of a further archive with the same media only the rest is stored (docs/decisions/0025-media-once.md).

import type { Logger } from 'pino'
import { canBeWritten, findTaskRuns, haveSameMembers, writeRun } from '#shared/composition/leave-out-media.ts'
import { openZipSource, type SourceArchive } from '#shared/composition/source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Series } from '#shared/model/series.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood, isThin, type MediaSource } from '#shared/store/record.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { syncFile } from '#shared/store/sync-to-disk.ts'
import type { DiskRoom } from './disk-room.ts'

export interface LeaveOutMediaDeps {
  readonly store: Pick<Store, 'newestGood' | 'listRecords' | 'createPartial'>
  readonly room: Pick<DiskRoom, 'promise'>
  readonly serverUrl: string
  /** For tests. */
  readonly files?: Pick<FileOperations, 'open'> | undefined
}

export interface WholeArchive {
  readonly backupId: string
  readonly series: Series
  /** A finished partial file, which stays as it is. */
  readonly path: string
  /** What reading it back has shown, its media's digest included. */
  readonly inspection: Inspection
}

/** What is to be committed in place of the whole archive. */
export interface ThinArchive {
  /** Another partial file of the same backup. */
  readonly partialPath: string
  readonly inspection: Inspection
  readonly mediaFrom: MediaSource
}

/**
 * Only where nothing can be lost by it: the whole archive is good and as CVAT writes them, an earlier archive in the same folder
 * is read through now and has exactly these media, and what was written is read back. May be killed anywhere: until its commit
 * there are only partial files, of which the next run continues the whole one.
 *
 * @returns undefined where the archive is to be stored whole, also after a fault of the disk: it is there, and needs no more room
 * @throws the signal's reason
 */
export async function leaveOutMedia(
  whole: WholeArchive,
  deps: LeaveOutMediaDeps,
  { signal, logger }: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<ThinArchive | undefined> {
  const { level, problems, mediaSha256 } = whole.inspection
  const isWhole = (level === 'complete' || level === 'fresh') && problems.length === 0
  if (!isWhole || mediaSha256 === undefined) return undefined
  try {
    const stored = await findWithMedia(whole, deps)
    return stored && (await compareAndWrite(whole, stored, deps, { signal, logger }))
  } catch (error) {
    signal.throwIfAborted()
    const isFault = error instanceof BackupError || (error instanceof Error && 'syscall' in error)
    if (!isFault) throw error
    logger.warn({ err: error }, 'the archive is stored whole: its media could not be left out')
    return undefined
  }
}

/** The newest good archive, or the one that it takes its media from: these two no sweep removes meanwhile. */
async function findWithMedia(
  { series, inspection }: WholeArchive,
  { store, serverUrl }: LeaveOutMediaDeps,
): Promise<StoredArchive | undefined> {
  const newest = await store.newestGood(series, serverUrl)
  if (!newest || !isThin(newest.record)) return newest
  const { fileName, sha256, mediaSha256 } = newest.record.mediaFrom
  if (mediaSha256 !== inspection.mediaSha256) return undefined
  const { archives } = await store.listRecords(series.entity)
  return archives.find(({ record }) => {
    return record.archive.fileName === fileName && record.archive.sha256 === sha256 && isGood(record)
  })
}

async function compareAndWrite(
  whole: WholeArchive,
  stored: StoredArchive,
  deps: LeaveOutMediaDeps,
  context: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<ThinArchive | undefined> {
  const { signal, logger } = context
  const { archive } = stored.record
  await using source = await openZipSource(whole.path, { signal, expectedBytes: whole.inspection.sizeBytes })
  await using earlier = await openZipSource(stored.archivePath, { signal, expectedBytes: archive.sizeBytes })
  const runs = findTaskRuns(source)
  const before = findTaskRuns(earlier)
  if (!runs || !before || !(await canBeWritten(source, runs.rest))) return undefined
  // Directories first: they cost nothing, and where they differ the earlier archive need not be read.
  const isLike = await haveSameMembers({ source, run: runs.media }, { source: earlier, run: before.media })
  if (!isLike) return undefined
  const options = { entityType: 'task', content: whole.series.content, digestsMedia: true, signal } as const
  const found = await inspectArchive(stored.archivePath, options)
  if (found.sha256 !== archive.sha256) {
    const file = archive.fileName
    logger.warn({ file }, 'an earlier archive is damaged: the new one is stored whole; cvat-backups verify tells more')
    return undefined
  }
  const { mediaSha256 } = found
  if (mediaSha256 === undefined || mediaSha256 !== whole.inspection.mediaSha256) return undefined
  using _promised = await deps.room.promise(whole.inspection.sizeBytes - runs.media.compressedBytes)
  const written = await write(whole, source, deps, signal)
  if (!written) return undefined
  return {
    partialPath: written.path,
    inspection: { ...whole.inspection, sizeBytes: written.sizeBytes, sha256: written.sha256 },
    mediaFrom: { ...archive, mediaSha256, mediaBytes: before.media.compressedBytes },
  }
}

/** Read back, and held against the whole one. Nothing is left of a file that is not what it should be. */
async function write(
  { backupId, series }: WholeArchive,
  source: SourceArchive,
  { store, files = realFiles }: LeaveOutMediaDeps,
  signal: AbortSignal,
): Promise<{ path: string; sizeBytes: number; sha256: string } | undefined> {
  await using partial = await store.createPartial(backupId)
  const { path } = partial
  const { rest } = findTaskRuns(source)!
  try {
    try {
      await using file = await files.open(path, 'r+')
      await writeRun(source, rest, file)
      await syncFile(file)
    } catch (error) {
      throw toStoreError(error, `Writing ${path}`)
    }
    const read = await inspectArchive(path, { entityType: 'task', content: series.content, signal })
    await using thin = await openZipSource(path, { signal, expectedBytes: read.sizeBytes })
    const runs = thin.folders.get('') ?? []
    const isSound = read.level !== 'whole' && thin.folders.size === 1 && runs.length === 1
    if (isSound && (await haveSameMembers({ source, run: rest }, { source: thin, run: runs[0]! }))) {
      return { path, sizeBytes: read.sizeBytes, sha256: read.sha256 }
    }
    await partial.discard()
    return undefined
  } catch (error) {
    await partial.discard().catch(() => undefined)
    throw error
  }
}
