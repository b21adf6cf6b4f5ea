// Takes a file that somebody else wrote into the store: by renaming, or by copying where it is on another file system.

import { resolve } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { listMoment, type Moment } from './adopt-listing.ts'
import { discardPartials } from './clean-partials.ts'
import { type CommitInput, commitArchive, placeArchive } from './commit-archive.ts'
import { type FileOperations, hasErrno, realFiles } from './file-operations.ts'
import { hashFile } from './hash-file.ts'
import { describeLayout, type Layout } from './layout.ts'
import { createPartial } from './partial-file.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'

/** A file's state when reading it began: another one later means that somebody is writing it. */
export interface SourceFile {
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAtMs: number
}

export interface AdoptInput extends Omit<CommitInput, 'partialPath'> {
  readonly source: SourceFile
  /** Leaves the file where it is. */
  readonly copy: boolean
  readonly signal: AbortSignal
}

export interface AdoptedArchive extends StoredArchive {
  /** `there`: these bytes had been adopted before; nothing was done, and the file is where it was. */
  readonly how: 'moved' | 'copied' | 'there'
}

export interface AdoptionQuery extends Moment {
  readonly serverUrl: string
  readonly fileName: string
  readonly sizeBytes: number
}

/** The part of the store that takes over other people's files. It holds no state. */
export interface AdoptingStore {
  /** An archive that was adopted from a file of this name, size and time before. */
  findAdopted(query: AdoptionQuery): Promise<StoredArchive | undefined>
  /**
   * Writes the record and moves the file to its place, in the order that a commit has, so that a crash at any instant leaves
   * the file where it was or where it belongs. It never passes through the folder of partial files, where it would be
   * taken for a broken download and removed. Never overwrites or removes anything; adopting the same bytes again is harmless.
   *
   * @throws BackupError `source-changed` when the file is no longer what was inspected; faults of the file system
   */
  adoptArchive(input: AdoptInput): Promise<AdoptedArchive>
}

export interface AdoptingStoreOptions {
  /** CVAT_BACKUP_DIR, checked before. */
  readonly directory: string
  readonly now?: () => Date
  readonly files?: FileOperations
}

export function openAdoptingStore(options: AdoptingStoreOptions): AdoptingStore {
  const { directory, now = () => new Date(), files = realFiles } = options
  const layout = describeLayout(resolve(directory))
  return {
    findAdopted: (query) => findAdopted(files, layout, query),
    adoptArchive: (input) =>
      withStoreErrors(`Adopting an archive of ${formatEntity(input.series.entity)}`, () =>
        adoptArchive(files, layout, input, now),
      ),
  }
}

/** Undefined for anything that is no plain file. */
export async function readSourceFile(path: string, files: FileOperations = realFiles): Promise<SourceFile | undefined> {
  const stats = await withStoreErrors(`Looking at ${path}`, () => files.lstat(path))
  return stats.isFile() ? { path, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs } : undefined
}

async function findAdopted(
  files: FileOperations,
  layout: Layout,
  query: AdoptionQuery,
): Promise<StoredArchive | undefined> {
  const attempted = `Reading the records of ${formatEntity(query.entity)}`
  const { archives } = await withStoreErrors(attempted, () => listMoment(files, layout, query))
  return archives.find(
    ({ record }) =>
      record.origin.adoptedFrom === query.fileName &&
      record.archive.sizeBytes === query.sizeBytes &&
      record.server.url === query.serverUrl,
  )
}

async function adoptArchive(
  files: FileOperations,
  layout: Layout,
  input: AdoptInput,
  now: () => Date,
): Promise<AdoptedArchive> {
  const { entity, content } = input.series
  const listing = await listMoment(files, layout, { entity, content, createdAt: input.createdAt })
  const present = listing.archives.find(({ record }) => record.origin.backupId === input.origin.backupId)
  if (present) return { ...present, how: 'there' }
  await assertUnchanged(files, input)
  if (!input.copy) {
    try {
      const stored = await placeArchive(files, layout, input.source.path, listing, input, now())
      return { ...stored, how: 'moved' }
    } catch (error) {
      if (!hasErrno(error, 'EXDEV')) throw error
    }
  }
  return copyArchive(files, layout, input, now)
}

async function copyArchive(
  files: FileOperations,
  layout: Layout,
  input: AdoptInput,
  now: () => Date,
): Promise<AdoptedArchive> {
  const { source, inspection, signal } = input
  await discardPartials(files, layout, input.origin.backupId)
  await using partial = await createPartial(files, layout, input.origin.backupId)
  try {
    await copyInto(files, source.path, (chunk) => partial.write(chunk), signal)
    await partial.finish()
    if ((await hashFile(files, partial.path, signal)) !== inspection.sha256) throw sourceChanged(source.path)
    const stored = await commitArchive(files, layout, { ...input, partialPath: partial.path }, now())
    return { ...stored, how: 'copied' }
  } catch (error) {
    await partial.discard()
    throw error
  }
}

async function copyInto(
  files: FileOperations,
  path: string,
  write: (chunk: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await files.open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    for (let position = 0; ; ) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      await write(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
  } finally {
    await handle.close()
  }
}

async function assertUnchanged(files: FileOperations, { source, inspection }: AdoptInput): Promise<void> {
  const now = await readSourceFile(source.path, files)
  const isSame = now?.sizeBytes === inspection.sizeBytes && now.modifiedAtMs === source.modifiedAtMs
  if (!isSame) throw sourceChanged(source.path)
}

function sourceChanged(path: string): BackupError {
  return new BackupError(`${path} changed while it was read`, {
    code: 'source-changed',
    retryable: true,
    hint: 'Something is still writing it: stop the original script first.',
  })
}
