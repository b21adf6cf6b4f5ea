// Reads an archive back from the disk, once and whole: is it a sound zip, and is everything in it that should be?

import type { FileHandle } from 'node:fs/promises'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityType } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { ArchiveContent } from '#shared/model/series.ts'
import { checkAnnotationsContent } from './annotations-content.ts'
import { checkBackupContent } from './backup-content.ts'
import { checkDuplicates } from './check-duplicates.ts'
import { checkEntry, decodeMemberName, isFolder } from './check-entry.ts'
import type { ContentCheck } from './content-check.ts'
import { describeUnreadableZip } from './describe-unreadable-zip.ts'
import { digestMedia, type MediaDigest } from './digest-media.ts'
import { type FileOperations, realFiles } from './file-operations.ts'
import type { Inspection } from './inspection.ts'
import { ProblemList } from './problem-list.ts'
import { readMember } from './read-member.ts'
import type { Problem, VerificationLevel } from './record.ts'
import { scanDirectory, type ZipDirectory } from './scan-directory.ts'
import { toStoreError } from './store-errors.ts'
import { HashedZip } from './zip-file.ts'
import { defaultZipLimits, type ZipLimits } from './zip-limits.ts'

export interface InspectOptions {
  readonly entityType: EntityType
  readonly content: ArchiveContent
  /** What the server said before the export was asked for; without it the archive is only held against itself. */
  readonly observation?: Observation | undefined
  /** Of a task's archive: tell what media it holds, too. */
  readonly digestsMedia?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<ZipLimits>
  readonly files?: Pick<FileOperations, 'open'>
}

/**
 * Checks structure, sizes and CRC-32 of every member, then the content by its kind. Findings are in the result; thrown
 * are only a BackupError for something that cannot be opened as a zip (`not-a-zip`, `truncated-archive`,
 * `damaged-archive`: retryable) or a fault of the disk, and the signal's reason. Memory: 16 bytes a member.
 */
export async function inspectArchive(path: string, options: InspectOptions): Promise<Inspection> {
  const limits = { ...defaultZipLimits, ...options.limits }
  try {
    await using handle = await (options.files ?? realFiles).open(path, 'r')
    const { size } = await handle.stat()
    const file = new HashedZip(handle, size, options.signal)
    const directory = await openZip(handle, size, options, () => scanDirectory(file, limits, options.signal))
    const media = options.digestsMedia ? digestMedia() : undefined
    const content = withMedia(chooseContentCheck(options, directory, limits), media)
    const structure = new ProblemList()
    const warnings = new ProblemList()
    structure.add(...checkDirectory(directory))
    // Members that share their bytes are not read: this is how a small file keeps a reader busy for ever.
    if (structure.count === 0) {
      await openZip(handle, size, options, () =>
        readMembers({ file, directory, content, limits, structure, warnings, signal: options.signal }),
      )
    }
    const findings = content.finish()
    const mediaSha256 = structure.count === 0 ? media?.finish() : undefined
    return {
      sizeBytes: size,
      sha256: await file.finishHash(),
      level: judge(structure.count, findings.problems.length),
      members: { count: directory.memberCount, perTask: [...findings.perTask] },
      tasks: findings.tasks,
      ...(mediaSha256 !== undefined && { mediaSha256 }),
      problems: [...structure.list(), ...findings.problems],
      warnings: [...warnings.list(), ...findings.warnings],
    }
  } catch (error) {
    throw toStoreError(error, 'Reading the archive back')
  }
}

function judge(structureProblems: number, contentProblems: number): VerificationLevel {
  if (structureProblems > 0) return 'whole'
  return contentProblems > 0 ? 'sound' : 'complete'
}

function chooseContentCheck(options: InspectOptions, directory: ZipDirectory, limits: ZipLimits): ContentCheck {
  const { content, entityType, observation } = options
  if (content.kind === 'annotations') return checkAnnotationsContent(content)
  return checkBackupContent({ entityType, observation, directory, limits })
}

/** The same check, whose members the digest sees as well. */
function withMedia(check: ContentCheck, media: MediaDigest | undefined): ContentCheck {
  if (!media) return check
  return {
    open(name, sizeBytes) {
      const sinks = [check.open(name, sizeBytes), media.open(name)].filter((sink) => sink !== undefined)
      return {
        push: (chunk) => sinks.forEach((sink) => void sink.push(chunk)),
        end: () => sinks.forEach((sink) => void sink.end()),
      }
    },
    finish: () => check.finish(),
  }
}

/** Passes on faults of the disk and aborts; all else that stops the reading of a directory is the zip's own. */
async function openZip<T>(
  handle: FileHandle,
  sizeBytes: number,
  { signal }: InspectOptions,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    signal?.throwIfAborted()
    const isFault = error instanceof BackupError || (error instanceof Error && 'syscall' in error)
    throw isFault ? error : await describeUnreadableZip(handle, sizeBytes, error)
  }
}

function checkDirectory(directory: ZipDirectory): Problem[] {
  const problems: Problem[] = []
  if (directory.isCut) problems.push({ code: 'too-many-members', message: 'The archive has too many members' })
  if (directory.hasSharedOffsets || directory.totalCompressedBytes > directory.startsAt) {
    problems.push({ code: 'overlapping-members', message: 'Members of the archive share their bytes' })
  }
  return problems
}

interface MemberReading {
  readonly file: HashedZip
  readonly directory: ZipDirectory
  readonly content: ContentCheck
  readonly limits: ZipLimits
  readonly structure: ProblemList
  readonly warnings: ProblemList
  readonly signal: AbortSignal | undefined
}

async function readMembers(reading: MemberReading): Promise<void> {
  const { file, directory, content, limits, structure, warnings, signal } = reading
  const duplicates = checkDuplicates()
  const { zip } = await file.openDirectory()
  for await (const entry of zip.eachEntry()) {
    signal?.throwIfAborted()
    const name = decodeMemberName(entry)
    if (directory.isDuplicated(name)) duplicates.take(name, entry)
    const problems = checkEntry(entry, name, limits)
    if (problems.length === 0) {
      const sink = isFolder(name) ? undefined : content.open(name, entry.uncompressedSize)
      problems.push(...(await readMember({ file, zip, entry, name, directory, sink, signal })))
    }
    structure.add(...problems)
  }
  structure.add(...duplicates.problems)
  warnings.add(...duplicates.warnings)
}
