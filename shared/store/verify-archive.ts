// Re-checks one stored archive against its record, and writes into the record what was found.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { type FileOperations, findFileSize } from './file-operations.ts'
import { hashFile } from './hash-file.ts'
import { inspectArchive } from './inspect-archive.ts'
import type { Layout } from './layout.ts'
import { type ArchiveRecord, isSnapshot, isThin, knownObservation } from './record.ts'
import { checkMedia, checkParts } from './snapshot-parts.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'
import { updateVerification } from './update-record.ts'
import { type Evidence, type Judgement, judgeCheck } from './verify-judge.ts'

/** `whole`: size and SHA-256. `sound`: every member too. `complete`: what is in them too. */
export type CheckLevel = 'whole' | 'sound' | 'complete'

export interface CheckOptions {
  readonly level: CheckLevel
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

export interface Verified {
  readonly judgement: Judgement
  /** Why it could not be written into the record. What was found is true all the same. */
  readonly recordError?: BackupError
}

/**
 * Reads the whole archive once; twice when it is damaged beyond being a zip. Never changes or removes it.
 *
 * @returns undefined when the archive was removed meanwhile
 * @throws BackupError when the archive cannot be read; the signal's reason
 */
export async function verifyArchive(
  files: FileOperations,
  layout: Layout,
  archive: StoredArchive,
  options: CheckOptions,
): Promise<Verified | undefined> {
  const evidence = await withStoreErrors('Reading the archive again', async () => {
    const found = await gatherEvidence(files, archive, options)
    return found && { ...found, ...(await gatherParts(files, archive)) }
  })
  if (!evidence) return undefined
  const checkedAt = options.now()
  const change = (current: ArchiveRecord) => ({
    ...current.verification,
    ...judgeCheck(current, evidence).verification,
    checkedAt: checkedAt.toISOString(),
  })
  const judgement = judgeCheck(archive.record, evidence)
  try {
    return (await updateVerification(files, layout, archive, change, checkedAt)) ? { judgement } : undefined
  } catch (error) {
    if (!(error instanceof BackupError)) throw error
    return { judgement, recordError: error }
  }
}

async function gatherEvidence(
  files: FileOperations,
  { record, archivePath }: StoredArchive,
  { level, signal }: CheckOptions,
): Promise<Evidence | undefined> {
  const sizeBytes = await findFileSize(files, archivePath)
  if (sizeBytes === undefined) return undefined
  if (sizeBytes !== record.archive.sizeBytes) return { sizeBytes }
  if (level === 'whole') return { sizeBytes, sha256: await hashFile(files, archivePath, signal) }
  try {
    const { entity, content } = record.series
    const observation = isSnapshot(record) ? { ...record.observation, tasks: [] } : knownObservation(record)
    const found = await inspectArchive(archivePath, { entityType: entity.type, content, observation, signal, files })
    // What is in the whole was judged when there was one; these bytes are still a part of it.
    const ignored = (level === 'sound' || isThin(record)) && found.level !== 'whole'
    return { ...found, inspection: ignored ? undefined : found }
  } catch (error) {
    if (!isUnreadableZip(error)) throw error
    // Only the digest tells rot from a zip that never was one to this version.
    const sha256 = await hashFile(files, archivePath, signal)
    if (sha256 === record.archive.sha256) throw error
    return { sizeBytes, sha256, unreadable: describeError(error) }
  }
}

function isUnreadableZip(error: unknown): boolean {
  return error instanceof BackupError && ['not-a-zip', 'truncated-archive', 'damaged-archive'].includes(error.code)
}

async function gatherParts(
  files: FileOperations,
  { record, archivePath }: StoredArchive,
): Promise<Pick<Evidence, 'parts'>> {
  if (isThin(record)) return { parts: await checkMedia(files, archivePath, record.mediaFrom) }
  return isSnapshot(record) ? { parts: await checkParts(files, archivePath, record.snapshot.parts) } : {}
}
