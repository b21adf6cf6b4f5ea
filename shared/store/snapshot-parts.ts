// Where a snapshot's parts are, and whether they are what its record says.

import { basename, dirname, join } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { isSnapshotFile } from './archive-name.ts'
import { type FileOperations, findFileSize } from './file-operations.ts'
import { readJsonIfThere } from './read-json.ts'
import { isSnapshot, type Problem, recordSchema, type SnapshotPart, type SnapshotRecord } from './record.ts'
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

/** The record of the snapshot whose project part lies at `path`; undefined for any other file. */
export async function readSnapshotRecord(
  files: Pick<FileOperations, 'open'>,
  path: string,
): Promise<SnapshotRecord | undefined> {
  if (!isSnapshotFile(basename(path))) return undefined
  const value = await readJsonIfThere(files, path.replace(/\.zip$/, '.json'))
  const parsed = recordSchema.safeParse(value)
  if (parsed.success && isSnapshot(parsed.data)) return parsed.data
  throw new BackupError(`${path} is a snapshot, and its record cannot be read: nothing says what its tasks are`, {
    code: 'no-snapshot-record',
    retryable: false,
    hint: 'The record has the same name with .json at its end. A snapshot can be read only in its backup directory.',
  })
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

async function checkPart(
  files: FileOperations,
  snapshotPath: string,
  part: SnapshotPart,
): Promise<Problem | undefined> {
  const { taskId, archive } = part
  const path = partPath(snapshotPath, part)
  const name = `task-${taskId}/${archive.fileName}`
  const tell = (code: string, what: string): Problem => ({ code, taskId, message: `Its part ${name} ${what}` })
  const sizeBytes = await findFileSize(files, path)
  if (sizeBytes === undefined) return tell('part-missing', 'is not there')
  if (sizeBytes !== archive.sizeBytes) {
    return tell('part-damaged', `has ${sizeBytes} bytes, not ${archive.sizeBytes}`)
  }
  const parsed = recordSchema.safeParse(await readJsonIfThere(files, path.replace(/\.zip$/, '.json')))
  if (!parsed.success) return tell('part-damaged', 'has no record that can be read')
  if (parsed.data.archive.sha256 !== archive.sha256) return tell('part-damaged', 'is another archive')
  return isRotten(parsed.data) ? tell('part-damaged', 'has been found damaged') : undefined
}
