// Writes a workflow sidecar line by line, in the order that records have: a temporary name, fsync, read back, rename.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { WorkflowDigest, WorkflowEnd, WorkflowGap, WorkflowHead, WorkflowRow } from '#shared/model/workflow.ts'
import { type FileOperations, hasErrno, unlinkIfExists } from './file-operations.ts'
import { hashFile } from './hash-file.ts'
import type { Layout } from './layout.ts'
import type { StoredWorkflow } from './read-workflow.ts'
import { normaliseServerUrl } from './server-url.ts'
import { withStoreErrors } from './store-errors.ts'
import { syncDirectory, syncFile } from './sync-to-disk.ts'
import { formatWorkflowName } from './workflow-name.ts'

export interface WorkflowInput {
  readonly entity: EntityRef
  /** The address as configured; it is normalised here. */
  readonly server: WorkflowHead['server']
  /** Our clock, ISO 8601 UTC: when reading from the server began. */
  readonly takenAt: string
  readonly origin: WorkflowHead['origin']
}

export interface WorkflowConclusion {
  readonly digest: WorkflowDigest
  readonly missing: readonly WorkflowGap[]
}

const CHUNK_LENGTH = 64 * 1024
const PLURALS = { task: 'tasks', job: 'jobs', issue: 'issues', comment: 'comments' } as const

/**
 * Pulls the rows one after another, so memory holds no more than the longest of them. After a failure, of the rows too,
 * nothing is left; after a crash a temporary file, which goes with the other leftovers of its backup.
 *
 * @throws BackupError at a fault of the file system; whatever the rows throw
 */
export async function writeWorkflow(
  files: FileOperations,
  layout: Layout,
  input: WorkflowInput,
  rows: AsyncIterator<WorkflowRow, WorkflowConclusion>,
): Promise<StoredWorkflow> {
  const attempted = `Storing the workflow of ${formatEntity(input.entity)}`
  const { entity, origin } = input
  const folder = layout.entityFolder(entity)
  const server = { ...input.server, url: normaliseServerUrl(input.server.url) }
  const takenAt = new Date(input.takenAt).toISOString()
  const head: WorkflowHead = { type: 'workflow', formatVersion: 1, entity, server, takenAt, origin }
  const fileName = formatWorkflowName({ takenAt, serverUrl: server.url, backupId: origin.backupId })
  const temporaryPath = layout.newTemporaryRecord(origin.backupId)
  const stored = { entity, fileName, path: join(folder, fileName), head }
  try {
    const written = await writeLines(files, temporaryPath, head, rows, attempted)
    return await withStoreErrors(attempted, async () => {
      if ((await hashFile(files, temporaryPath)) !== written.sha256) throw readBackDiffers()
      // Not recursive: behind a lost mount the backup directory must not be made anew on the wrong disk.
      await files.mkdir(folder).catch((error) => {
        if (!hasErrno(error, 'EEXIST')) throw error
      })
      await files.rename(temporaryPath, stored.path)
      await syncDirectory(files, folder)
      return { ...stored, sizeBytes: written.sizeBytes, end: written.end }
    })
  } catch (error) {
    await unlinkIfExists(files, temporaryPath).catch(() => undefined)
    throw error
  } finally {
    await rows.return?.()
  }
}

async function writeLines(
  files: FileOperations,
  path: string,
  head: WorkflowHead,
  rows: AsyncIterator<WorkflowRow, WorkflowConclusion>,
  attempted: string,
): Promise<{ sha256: string; sizeBytes: number; end: WorkflowEnd }> {
  const counts = { tasks: 0, jobs: 0, issues: 0, comments: 0 }
  const hash = createHash('sha256')
  let pending = ''
  let sizeBytes = 0
  const handle = await withStoreErrors(attempted, () => files.open(path, 'wx', 0o644))
  try {
    const flush = async () => {
      const bytes = Buffer.from(pending)
      pending = ''
      sizeBytes += bytes.length
      hash.update(bytes)
      await withStoreErrors(attempted, () => handle.writeFile(bytes))
    }
    pending = formatLine(head)
    for (;;) {
      const { done, value } = await rows.next()
      if (done) {
        await flush()
        const end: WorkflowEnd = {
          type: 'end',
          ...counts,
          ...value,
          missing: [...value.missing],
          sha256: hash.copy().digest('hex'),
        }
        pending = formatLine(end)
        await flush()
        await withStoreErrors(attempted, () => syncFile(handle))
        return { sha256: hash.digest('hex'), sizeBytes, end }
      }
      if (value.type !== 'project') counts[PLURALS[value.type]] += 1
      pending += formatLine(value)
      if (pending.length >= CHUNK_LENGTH) await flush()
    }
  } finally {
    await handle.close()
  }
}

/** JSON escapes line ends, NUL and halves of characters, so any text is one line of valid UTF-8. */
function formatLine(line: object): string {
  return `${JSON.stringify(line)}\n`
}

function readBackDiffers(): BackupError {
  return new BackupError('what was read back from the disk is not what was written', {
    code: 'disk-error',
    retryable: true,
    hint: 'Check the disk or the network mount of CVAT_BACKUP_DIR.',
  })
}
