// Where a snapshot's parts are, and whether they are what its record says.

import { basename, dirname, join } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { contentOfFile } from './archive-name.ts'
import { type FileOperations, findFileSize } from './file-operations.ts'
import { readJsonIfThere } from './read-json.ts'
import {
  type ArchiveRecord,
  isSnapshot,
  isThin,
  type MediaSource,
  type Problem,
  recordSchema,
  type SnapshotPart,
  type SnapshotRecord,
  type ThinRecord,
} from './record.ts'
import { isRotten, PART_PROBLEMS } from './verify-judge.ts'

/** The part's file. Tasks keep their folder when they move to another project. */
export function partPath(snapshotPath: string, { taskId, archive }: Pick<SnapshotPart, 'taskId' | 'archive'>): string {
  return join(dirname(dirname(snapshotPath)), formatEntity({ type: 'task', id: taskId }), archive.fileName)
}

/** Those of which no re-check has found that they are missing or damaged. */
export function presentParts({ snapshot, verification }: SnapshotRecord): SnapshotPart[] {
  const bad = verification.problems.flatMap(({ code, taskId }) => (PART_PROBLEMS.has(code) ? (taskId ?? []) : []))
  return snapshot.parts.filter(({ taskId }) => !bad.includes(taskId))
}

/** Where the media of an archive that is kept without are: in the same folder. */
export function mediaPath(archivePath: string, { fileName }: Pick<MediaSource, 'fileName'>): string {
  return join(dirname(archivePath), fileName)
}

/**
 * The record of a file that is not whole by itself: of a snapshot's project part, or of an archive without media; undefined
 * for any other file. @throws BackupError `no-snapshot-record`, `no-media-record`
 */
export async function readPartialRecord(
  files: Pick<FileOperations, 'open'>,
  path: string,
): Promise<SnapshotRecord | ThinRecord | undefined> {
  const content = contentOfFile(basename(path))
  if (content !== 'snapshot' && content !== 'without-media') return undefined
  const { data } = recordSchema.safeParse(await readJsonIfThere(files, path.replace(/\.zip$/, '.json')))
  if (content === 'snapshot') {
    if (data && isSnapshot(data)) return data
    throw new BackupError(`${path} is a snapshot, and its record cannot be read: nothing says what its tasks are`, {
      code: 'no-snapshot-record',
      retryable: false,
      hint: 'The record has the same name with .json at its end. A snapshot can be read only in its backup directory.',
    })
  }
  if (data && isThin(data)) return data
  throw new BackupError(
    `${path} is kept without its media, and its record cannot be read: nothing says where they are`,
    {
      code: 'no-media-record',
      retryable: false,
      hint: 'The record has the same name with .json at its end. Such an archive can be read only in its backup directory.',
    },
  )
}

/** What is wrong with the parts, by records and sizes; their bytes are checked as those of the archives that they are. */
export async function checkParts(
  files: FileOperations,
  snapshotPath: string,
  parts: readonly SnapshotPart[],
): Promise<Problem[]> {
  const problems: Problem[] = []
  for (let start = 0; start < parts.length; start += PARALLEL) {
    const found = await Promise.all(
      parts.slice(start, start + PARALLEL).map((part) => checkPart(files, snapshotPath, part)),
    )
    problems.push(...found.filter((problem) => problem !== undefined))
  }
  return problems
}

const PARALLEL = 16

/** What is wrong with the archive that has the media of the one at `archivePath`, by its record and size. */
export async function checkMedia(
  files: FileOperations,
  archivePath: string,
  media: Pick<MediaSource, 'fileName' | 'sizeBytes' | 'sha256'>,
): Promise<Problem[]> {
  const what = await findFault(files, mediaPath(archivePath, media), media)
  return what ? [{ code: what.code, message: `${media.fileName}, which has its media, ${what.message}` }] : []
}

async function checkPart(
  files: FileOperations,
  snapshotPath: string,
  part: SnapshotPart,
): Promise<Problem | undefined> {
  const { taskId, archive, mediaFrom } = part
  const path = partPath(snapshotPath, part)
  const name = `task-${taskId}/${archive.fileName}`
  const own = await findFault(files, path, archive)
  if (own) return { code: own.code, taskId, message: `Its part ${name} ${own.message}` }
  // Its own record may say so by now, or not yet.
  const [media] = mediaFrom ? await checkMedia(files, path, mediaFrom) : []
  return media && { code: media.code, taskId, message: `Its part ${name} lacks its media: ${media.message}` }
}

async function findFault(
  files: FileOperations,
  path: string,
  wanted: Pick<ArchiveRecord['archive'], 'sizeBytes' | 'sha256'>,
): Promise<Problem | undefined> {
  const damaged = (message: string): Problem => ({ code: 'part-damaged', message })
  const sizeBytes = await findFileSize(files, path)
  if (sizeBytes === undefined) return { code: 'part-missing', message: 'is not there' }
  if (sizeBytes !== wanted.sizeBytes) return damaged(`has ${sizeBytes} bytes, not ${wanted.sizeBytes}`)
  const parsed = recordSchema.safeParse(await readJsonIfThere(files, path.replace(/\.zip$/, '.json')))
  if (!parsed.success) return damaged('has no record that can be read')
  if (parsed.data.archive.sha256 !== wanted.sha256) return damaged('is another archive')
  return isRotten(parsed.data) ? damaged('has been found damaged') : undefined
}
