// Reads workflow sidecars: their first and last line for whoever compares, all lines for whoever checks or restores.

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import {
  type WorkflowEnd,
  type WorkflowHead,
  type WorkflowRow,
  workflowEndSchema,
  workflowHeadSchema,
  workflowRowSchema,
} from '#shared/model/workflow.ts'
import { type FileOperations, hasErrno } from './file-operations.ts'
import { toStoreError } from './store-errors.ts'
import { formatWorkflowName } from './workflow-name.ts'

export interface StoredWorkflow {
  readonly entity: EntityRef
  readonly fileName: string
  readonly path: string
  readonly sizeBytes: number
  readonly head: WorkflowHead
  readonly end: WorkflowEnd
}

/** First and last line are looked for in so much of the file: names are no part of them. */
const WINDOW_BYTES = 64 * 1024
const CHUNK_BYTES = 256 * 1024
/** Above the longest comment that the client takes. */
const MAX_LINE_BYTES = 160 * 1024 * 1024

/**
 * Head and end of the file; what is between is not read. `later-version`: written by a later version. `broken`: torn, or
 * about something else than its name and folder say. Undefined when it has just been removed. Throws file faults as they come.
 */
export async function readWorkflowEnds(
  files: FileOperations,
  file: Pick<StoredWorkflow, 'entity' | 'fileName' | 'path'>,
): Promise<StoredWorkflow | 'later-version' | 'broken' | undefined> {
  let handle: FileHandle
  try {
    handle = await files.open(file.path, 'r')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const { size } = await handle.stat()
    const first = await readWindow(handle, 0, size)
    const last = await readWindow(handle, Math.max(0, size - WINDOW_BYTES), size)
    const rawHead = parseJson(first.subarray(0, Math.max(0, first.indexOf(0x0a))))
    if (isLaterVersion(rawHead)) return 'later-version'
    const head = workflowHeadSchema.safeParse(rawHead)
    const end = workflowEndSchema.safeParse(parseJson(lastLine(last)))
    if (!head.success || !end.success || !belongsTo(head.data, file)) return 'broken'
    return { ...file, sizeBytes: size, head: head.data, end: end.data }
  } finally {
    await handle.close()
  }
}

/**
 * The rows in the order in which they were written; kinds that this version does not know are passed over. Only the end of
 * the iteration says that all were right: check first (`verifyWorkflow`) where half of them must do no harm.
 *
 * @throws BackupError `damaged-workflow` when a byte is not as it was written; faults of the file system; the signal's reason
 */
export async function* readWorkflowRows(
  files: FileOperations,
  workflow: StoredWorkflow,
  signal?: AbortSignal,
): AsyncGenerator<WorkflowRow> {
  let isHead = true
  for await (const line of checkedLines(files, workflow, signal)) {
    if (!isHead) {
      const row = workflowRowSchema.safeParse(parseJson(line))
      if (row.success) yield row.data
    }
    isHead = false
  }
}

/** Reads all of it. @throws as {@link readWorkflowRows} */
export async function verifyWorkflow(
  files: FileOperations,
  workflow: StoredWorkflow,
  signal?: AbortSignal,
): Promise<void> {
  for await (const _ of checkedLines(files, workflow, signal));
}

/** Every line but the last, which must hold the digest of all before it. */
async function* checkedLines(
  files: FileOperations,
  workflow: StoredWorkflow,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let previous: Buffer | undefined
  for await (const line of splitLines(files, workflow, signal)) {
    if (previous) {
      hash.update(previous).update('\n')
      yield previous
    }
    previous = line
  }
  const end = workflowEndSchema.safeParse(previous && parseJson(previous))
  if (!end.success || end.data.sha256 !== hash.digest('hex')) throw damaged(workflow, 'its SHA-256 differs')
}

async function* splitLines(
  files: FileOperations,
  workflow: StoredWorkflow,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const attempted = `Reading ${formatEntity(workflow.entity)}/${workflow.fileName}`
  const handle = await files.open(workflow.path, 'r').catch((error) => {
    throw toStoreError(error, attempted)
  })
  try {
    let pieces: Buffer[] = []
    let pieceBytes = 0
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead, buffer } = await handle
        .read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES)
        .catch((error) => {
          throw toStoreError(error, attempted)
        })
      if (bytesRead === 0) break
      let rest = buffer.subarray(0, bytesRead)
      for (let at = rest.indexOf(0x0a); at >= 0; at = rest.indexOf(0x0a)) {
        yield pieces.length === 0 ? rest.subarray(0, at) : Buffer.concat([...pieces, rest.subarray(0, at)])
        pieces = []
        pieceBytes = 0
        rest = rest.subarray(at + 1)
      }
      if (rest.length === 0) continue
      pieces.push(rest)
      pieceBytes += rest.length
      if (pieceBytes > MAX_LINE_BYTES) throw damaged(workflow, 'it has a line without end')
    }
    if (pieceBytes > 0) throw damaged(workflow, 'its last line is torn')
  } finally {
    await handle.close()
  }
}

/** A file copied or renamed by hand must not speak for what it was not written about. */
function belongsTo(head: WorkflowHead, { entity, fileName }: Pick<StoredWorkflow, 'entity' | 'fileName'>): boolean {
  if (!URL.canParse(head.server.url) || formatEntity(head.entity) !== formatEntity(entity)) return false
  const { takenAt, server, origin } = head
  return formatWorkflowName({ takenAt, serverUrl: server.url, backupId: origin.backupId }) === fileName
}

function isLaterVersion(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { type, formatVersion } = value as Record<string, unknown>
  return type === 'workflow' && typeof formatVersion === 'number' && formatVersion > 1
}

async function readWindow(handle: FileHandle, position: number, size: number): Promise<Buffer> {
  const wanted = Math.min(WINDOW_BYTES, size - position)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, position)
  return buffer.subarray(0, bytesRead)
}

/** Without its line end; empty where the file does not end with one. */
function lastLine(window: Buffer): Buffer {
  if (window.at(-1) !== 0x0a) return Buffer.alloc(0)
  const body = window.subarray(0, -1)
  return body.subarray(body.lastIndexOf(0x0a) + 1)
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
}

function damaged({ entity, fileName }: StoredWorkflow, what: string): BackupError {
  return new BackupError(`${formatEntity(entity)}/${fileName} is no longer what was written: ${what}`, {
    code: 'damaged-workflow',
    retryable: false,
    hint: 'Look at the disk. Remove the file, and the next run of backups notes the present state anew.',
  })
}
