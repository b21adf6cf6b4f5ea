// Finishes or removes what a crash left in one entity's folder: records whose archive is not there.

import type { EntityRef } from '#shared/model/entity.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { listPartials } from './clean-partials.ts'
import { type FileOperations, findFileSize, hasErrno, isNameTaken, unlinkIfExists } from './file-operations.ts'
import { hashFile } from './hash-file.ts'
import type { Layout } from './layout.ts'
import { listRecords } from './list-records.ts'
import type { ArchiveRecord } from './record.ts'
import { withStoreErrors } from './store-errors.ts'
import { syncDirectory } from './sync-to-disk.ts'

export interface RecoveryOptions {
  readonly now: Date
  /** Whether somebody may still be at work on this backup: a commit that is going on is not interrupted. */
  isActive(backupId: string): boolean | Promise<boolean>
  /**
   * How old the verification in a record without archive must be before the record is removed. On some network mounts
   * another machine sees the small record hours before the large archive. Such a record is invisible meanwhile.
   */
  readonly graceMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface Recovery {
  /** Paths of archives whose interrupted commit was finished. */
  readonly finished: string[]
  /** Paths of records that were removed. */
  readonly removed: string[]
  /** Ids of backups whose record still waits for its archive. */
  readonly waiting: string[]
}

const DEFAULT_GRACE_MS = 24 * 3600_000

export async function recoverEntity(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  options: RecoveryOptions,
): Promise<Recovery> {
  const recovery: Recovery = { finished: [], removed: [], waiting: [] }
  const { unrecognised } = await listRecords(files, layout, entity)
  await withStoreErrors(`Recovering the archives of ${formatEntity(entity)}`, async () => {
    for (const { path, reason, record } of unrecognised) {
      if (reason !== 'record-without-archive' || !record) continue
      options.signal?.throwIfAborted()
      await recoverRecord(files, layout, { path, record }, options, recovery)
    }
    if (recovery.finished.length + recovery.removed.length > 0) {
      await syncDirectory(files, layout.entityFolder(entity))
    }
  })
  return recovery
}

async function recoverRecord(
  files: FileOperations,
  layout: Layout,
  orphan: { readonly path: string; readonly record: ArchiveRecord },
  options: RecoveryOptions,
  recovery: Recovery,
): Promise<void> {
  const { path, record } = orphan
  const { backupId } = record.origin
  const archivePath = path.replace(/\.json$/, '.zip')
  if (await options.isActive(backupId)) {
    recovery.waiting.push(backupId)
    return
  }
  const partialPath = await findPartial(files, layout, record, options.signal)
  // Asked after looking for the partial file: a commit that has just ended shows the archive by now.
  if (await isNameTaken(files, archivePath)) return
  if (partialPath !== undefined) {
    if (await moveIfThere(files, partialPath, archivePath)) recovery.finished.push(archivePath)
    return
  }
  const ageMs = options.now.getTime() - Date.parse(record.verification.checkedAt)
  if (ageMs < (options.graceMs ?? DEFAULT_GRACE_MS)) {
    recovery.waiting.push(backupId)
    return
  }
  await unlinkIfExists(files, path)
  recovery.removed.push(path)
}

/** The partial file that holds exactly the bytes which the record was written about. */
async function findPartial(
  files: FileOperations,
  layout: Layout,
  record: ArchiveRecord,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const path of await listPartials(files, layout, record.origin.backupId)) {
    if ((await findFileSize(files, path)) !== record.archive.sizeBytes) continue
    try {
      if ((await hashFile(files, path, signal)) === record.archive.sha256) return path
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error
    }
  }
  return undefined
}

async function moveIfThere(files: FileOperations, from: string, to: string): Promise<boolean> {
  try {
    await files.rename(from, to)
    return true
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false
    throw error
  }
}
