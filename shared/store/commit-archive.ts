// Gives a verified download its final name, in an order that a crash at any instant leaves finishable or removable.

import { dirname, join } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { Series } from '#shared/model/series.ts'
import { chooseArchiveName } from './choose-archive-name.ts'
import { type FileOperations, findFileSize, hasErrno, unlinkIfExists } from './file-operations.ts'
import type { Inspection } from './inspection.ts'
import { type Layout, parsePartialName } from './layout.ts'
import { listRecords } from './list-records.ts'
import {
  type ArchiveRecord,
  digestSnapshot,
  formatVersionOf,
  isGood,
  type MediaSource,
  recordSchema,
  type Snapshot,
} from './record.ts'
import { normaliseServerUrl } from './server-url.ts'
import { withStoreErrors } from './store-errors.ts'
import type { EntityListing, StoredArchive } from './stored-archive.ts'
import { syncDirectory } from './sync-to-disk.ts'
import { writeJsonAtomically } from './write-json.ts'

export interface CommitInput {
  /** A finished partial file of this store and of `origin.backupId`. */
  readonly partialPath: string
  /** What reading exactly this file back has shown. */
  readonly inspection: Inspection
  readonly series: Series
  /** The address as configured; it is normalised here. */
  readonly server: { readonly url: string; readonly version: string | null }
  readonly observation: Observation
  /** Our clock, ISO 8601 UTC: when the export was asked for. */
  readonly createdAt: string
  readonly origin: ArchiveRecord['origin']
  /** The file is a snapshot's project part. Whoever commits it has made sure that all parts are there. */
  readonly snapshot?: Pick<Snapshot, 'updatedDate' | 'parts' | 'guide'> | undefined
  /**
   * The file is a task's archive without its media, and `inspection` what the whole one has shown but for size and SHA-256. Whoever
   * commits it has made sure that its media are there.
   */
  readonly mediaFrom?: MediaSource | undefined
}

export interface CommittedArchive extends StoredArchive {
  /** The backup had been committed before: nothing was added and the partial file is gone. */
  readonly wasThere: boolean
}

/**
 * Record first, archive second, both by renaming: so every archive under a final name has its record, and a record
 * without archive is a commit that recovery finishes while the partial file is there. Committing a backup again is
 * harmless: a good archive of it stays the only one.
 */
export async function commitArchive(
  files: FileOperations,
  layout: Layout,
  input: CommitInput,
  now: Date,
): Promise<CommittedArchive> {
  assertOwnPartial(layout, input)
  const { entity } = input.series
  return withStoreErrors(`Storing the archive of ${formatEntity(entity)}`, async () => {
    await assertInspectedSize(files, input)
    const listing = await listRecords(files, layout, entity)
    const present = findCommitted(listing, input)
    if (present) {
      await unlinkIfExists(files, input.partialPath)
      return { ...present, wasThere: true }
    }
    const stored = await placeArchive(files, layout, input.partialPath, listing, input, now)
    return { ...stored, wasThere: false }
  })
}

/**
 * The two renames: the record, then the file at `sourcePath`, which must hold what was inspected and lie on the store's
 * file system (EXDEV otherwise, with the record left for another try). Throws the file system's own errors.
 */
export async function placeArchive(
  files: FileOperations,
  layout: Layout,
  sourcePath: string,
  listing: EntityListing,
  input: Omit<CommitInput, 'partialPath'>,
  now: Date,
): Promise<StoredArchive> {
  const { entity } = input.series
  const folder = layout.entityFolder(entity)
  await createFolder(files, folder)
  const base = await chooseArchiveName(files, folder, listing, input)
  const record = describeRecord(input, `${base}.zip`, now)
  const stored = {
    entity,
    record,
    archivePath: join(folder, `${base}.zip`),
    recordPath: join(folder, `${base}.json`),
  }
  await writeJsonAtomically(files, {
    temporaryPath: layout.newTemporaryRecord(input.origin.backupId),
    finalPath: stored.recordPath,
    value: record,
  })
  await moveArchive(files, sourcePath, stored)
  await syncDirectory(files, folder)
  await syncDirectory(files, dirname(sourcePath))
  return stored
}

function assertOwnPartial(layout: Layout, { partialPath, origin }: CommitInput): void {
  const name = parsePartialName(partialPath.slice(layout.partialFolder.length + 1))
  const isOwn = dirname(partialPath) === layout.partialFolder && name?.kind === 'part'
  if (!isOwn || name.backupId !== origin.backupId) {
    throw new TypeError(`Not a partial file of ${origin.backupId} in this store`)
  }
}

async function assertInspectedSize(files: FileOperations, { partialPath, inspection }: CommitInput): Promise<void> {
  const sizeBytes = await findFileSize(files, partialPath)
  if (sizeBytes === inspection.sizeBytes) return
  throw new BackupError(`The partial file has ${sizeBytes ?? 'no'} bytes but ${inspection.sizeBytes} were inspected`, {
    code: 'partial-changed',
    retryable: true,
    hint: 'Something else removes or writes files in the backup directory.',
  })
}

/** This backup's archive from an earlier run of the same handler, unless the new one is better. */
function findCommitted(listing: EntityListing, input: CommitInput): StoredArchive | undefined {
  const ofBackup = listing.archives.filter(({ record }) => record.origin.backupId === input.origin.backupId)
  const good = ofBackup.find(({ record }) => isGood(record))
  if (good || input.inspection.problems.length === 0) return good
  const snapshot = input.snapshot && digestSnapshot(input.inspection, input.snapshot.parts)
  return ofBackup.find(
    ({ record }) => record.archive.sha256 === input.inspection.sha256 && record.snapshot?.sha256 === snapshot,
  )
}

/** Not recursive: behind a lost mount the backup directory is gone, and must not be made anew on the wrong disk. */
async function createFolder(files: FileOperations, folder: string): Promise<void> {
  try {
    await files.mkdir(folder)
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error
  }
}

function describeRecord(input: Omit<CommitInput, 'partialPath'>, fileName: string, now: Date): ArchiveRecord {
  const { inspection, snapshot, mediaFrom } = input
  return recordSchema.parse({
    formatVersion: formatVersionOf(input),
    type: snapshot ? 'snapshot' : 'archive',
    archive: { fileName, sizeBytes: inspection.sizeBytes, sha256: inspection.sha256 },
    ...(mediaFrom && { mediaFrom }),
    ...(snapshot && { snapshot: { ...snapshot, sha256: digestSnapshot(inspection, snapshot.parts) } }),
    series: input.series,
    server: { url: normaliseServerUrl(input.server.url), version: input.server.version },
    observation: input.observation,
    createdAt: new Date(input.createdAt).toISOString(),
    members: inspection.members,
    verification: {
      level: inspection.level,
      checkedAt: now.toISOString(),
      problems: inspection.problems,
      warnings: inspection.warnings,
    },
    origin: input.origin,
  })
}

/** After a fault the record stays: recovery can finish while the partial file is there, and removes it later if not. */
async function moveArchive(files: FileOperations, sourcePath: string, stored: StoredArchive): Promise<void> {
  const wanted = stored.record.archive.sizeBytes
  try {
    await files.rename(sourcePath, stored.archivePath)
  } catch (error) {
    // Recovery in another process has finished this very commit, or the mount did it and lost its answer.
    if ((await findFileSize(files, stored.archivePath)) !== wanted) throw error
  }
  if ((await findFileSize(files, stored.archivePath)) === wanted) return
  throw new BackupError('The archive under its final name has another size than the one inspected', {
    code: 'disk-error',
    retryable: true,
    hint: 'The disk or the network file system is faulty: look at the system log and the mount.',
  })
}
