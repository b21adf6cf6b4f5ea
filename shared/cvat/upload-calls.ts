// Uploads as CVAT speaks TUS: announce, create, send from the offset that the server names, finish; then it is a request
// like an export's. Measured on 2.64.1: the whole sequence of its own client, and what a wrong offset does.

import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { ApiCall, ApiCaller, UploadBody } from './api-caller.ts'
import { createUnexpectedAnswer } from './parse-answer.ts'
import type { Query } from './server-url.ts'

/** What an upload is for: a backup that becomes a new project or task, or annotations that replace those of a task. */
export type UploadPurpose =
  | {
      readonly what: 'backup'
      readonly type: 'project' | 'task'
      /** Slug of the organization that gets it; null: it becomes personal. */
      readonly organization: string | null
    }
  | {
      readonly what: 'annotations'
      readonly taskId: number
      /** An importer's name, as `CVAT 1.1`. */
      readonly format: string
      readonly organization: string | null
    }

export interface UploadState {
  /** Bytes that the server has; sending goes on from here. */
  readonly offset: number
  readonly sizeBytes: number
}

/** Bytes of one part of an upload, and where in the file they begin. */
export interface UploadChunk extends UploadBody {
  readonly offset: number
}

/**
 * In this order: `create`, `send` until everything is there (`read` after any fault), `finish`; then the request's end.
 */
export interface UploadCalls {
  create(
    purpose: UploadPurpose,
    file: { readonly name: string; readonly sizeBytes: number },
    signal: AbortSignal,
  ): Promise<string>
  read(purpose: UploadPurpose, uploadName: string, signal: AbortSignal): Promise<UploadState | undefined>
  send(purpose: UploadPurpose, uploadName: string, chunk: UploadChunk, signal: AbortSignal): Promise<number>
  finish(purpose: UploadPurpose, uploadName: string, signal: AbortSignal): Promise<{ requestId: string }>
}

export function openUploads(caller: ApiCaller): UploadCalls {
  return {
    create: (purpose, file, signal) => createUpload(caller, purpose, file, signal),
    read: (purpose, uploadName, signal) => readUpload(caller, purpose, uploadName, signal),
    send: (purpose, uploadName, chunk, signal) => sendChunk(caller, purpose, uploadName, chunk, signal),
    finish: (purpose, uploadName, signal) => finishUpload(caller, purpose, uploadName, signal),
  }
}

const startedSchema = z.object({ rq_id: z.string().min(1) })

const tusVersion = { 'tus-resumable': '1.0.0' }

/** Sent with the calls for which the recorded client sends nothing: a POST needs a length. */
const empty = { 'content-length': '0' }

/**
 * Announces a file and gives the name under which the server keeps its parts; nothing is imported before
 * {@link finishUpload}. Repeating it after a lost answer leaves an upload that nobody goes on with: CVAT removes such by itself.
 *
 * @throws BackupError `too-large` above the server's limit, `forbidden` for a login that may not write
 */
async function createUpload(
  caller: ApiCaller,
  purpose: UploadPurpose,
  file: { readonly name: string; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<string> {
  const { path, createPath, query } = pathsOf(purpose)
  const headers = { ...empty, ...organizationHeader(purpose) }
  const start: ApiCall = {
    method: 'POST',
    path,
    query: { ...query, filename: file.name },
    headers: { ...headers, 'upload-start': 'true' },
    expected: [202],
  }
  await caller.readStatus(start, signal).catch((error) => {
    throw explainForbidden(error, purpose)
  })
  const metadata = `filename ${Buffer.from(file.name).toString('base64')}`
  const call: ApiCall = {
    method: 'POST',
    path: createPath,
    headers: { ...headers, ...tusVersion, 'upload-length': String(file.sizeBytes), 'upload-metadata': metadata },
    expected: [201, 413],
  }
  const answer = await caller.readHead(call, signal)
  if (answer.status === 413) throw tooLarge(call, answer.header('tus-max-size'))
  // The address in Location is built from the Host header; its last part is all that is needed of it.
  const name = answer.header('upload-filename') ?? answer.header('location')?.split('/').at(-1) ?? ''
  if (!/^(?!\.+$)[\w.-]{1,200}$/.test(name)) {
    throw createUnexpectedAnswer({ call: `POST ${createPath}`, status: answer.status }, 'names no upload')
  }
  return name
}

/** How far an upload has come; undefined when the server does not know it (any more): then it begins again. */
async function readUpload(
  caller: ApiCaller,
  purpose: UploadPurpose,
  uploadName: string,
  signal: AbortSignal,
): Promise<UploadState | undefined> {
  const call: ApiCall = {
    method: 'HEAD',
    path: uploadPath(purpose, uploadName),
    headers: { ...tusVersion, ...organizationHeader(purpose) },
    expected: [200, 204, 404, 410],
  }
  const answer = await caller.readHead(call, signal)
  if (answer.status === 404 || answer.status === 410) return undefined
  const [offset, sizeBytes] = [readCount(answer.header('upload-offset')), readCount(answer.header('upload-length'))]
  if (offset === undefined || sizeBytes === undefined || offset > sizeBytes) {
    throw createUnexpectedAnswer({ call: `HEAD ${call.path}`, status: answer.status }, 'does not tell the offset')
  }
  return { offset, sizeBytes }
}

/**
 * Sends bytes once and gives the offset after them. After a fault only {@link readUpload} knows how many have arrived.
 *
 * @throws BackupError `wrong-offset` (the server has more or less than the chunk's offset says: read it), `upload-gone`,
 * `too-large` (a proxy's limit on one request: send less at once), and what any call may throw
 */
async function sendChunk(
  caller: ApiCaller,
  purpose: UploadPurpose,
  uploadName: string,
  chunk: UploadChunk,
  signal: AbortSignal,
): Promise<number> {
  const call: ApiCall = {
    method: 'PATCH',
    path: uploadPath(purpose, uploadName),
    headers: {
      ...tusVersion,
      'upload-offset': String(chunk.offset),
      'content-type': 'application/offset+octet-stream',
      ...organizationHeader(purpose),
    },
    expected: [204, 404, 409, 410, 413],
  }
  const answer = await caller.upload(call, chunk, signal)
  switch (answer.status) {
    case 404:
    case 410:
      throw refusal(call, answer.status, 'upload-gone', 'The server has given the upload up; it begins again.')
    case 409:
      throw refusal(call, 409, 'wrong-offset', 'The server has another number of bytes; it is asked again.')
    case 413:
      throw tooLarge(call, answer.header('tus-max-size'))
  }
  const offset = readCount(answer.header('upload-offset'))
  if (offset === undefined) {
    throw createUnexpectedAnswer({ call: `PATCH ${call.path}`, status: answer.status }, 'does not tell the offset')
  }
  return offset
}

/**
 * Lets the server import what was uploaded. Sent once: after a lost answer (`unreachable`, `timeout`, `server-error`) the
 * import may run all the same, and a second call could make a second project.
 *
 * @throws BackupError `upload-gone`: there is no such upload, or an import has used it up
 */
async function finishUpload(
  caller: ApiCaller,
  purpose: UploadPurpose,
  uploadName: string,
  signal: AbortSignal,
): Promise<{ requestId: string }> {
  const { path, query } = pathsOf(purpose)
  const call: ApiCall = {
    method: 'POST',
    path,
    query: { ...query, filename: uploadName },
    headers: { ...empty, 'upload-finish': 'true', ...organizationHeader(purpose) },
    expected: [202],
    once: true,
  }
  return { requestId: (await caller.readJson(call, startedSchema, signal)).value.rq_id }
}

/** The usual hint speaks of reading. */
function explainForbidden(error: unknown, { organization }: UploadPurpose): unknown {
  if (!(error instanceof BackupError) || error.code !== 'forbidden') return error
  const where = organization === null ? '' : ` in the organization ${organization}`
  return new BackupError(error.message, {
    code: 'forbidden',
    retryable: false,
    hint: `The login for restoring may not create anything${where}: it needs such a role, and a token that is not read-only.`,
  })
}

function pathsOf(purpose: UploadPurpose): { path: string; createPath: string; query: Query } {
  if (purpose.what === 'backup') {
    const path = `/api/${purpose.type}s/backup/`
    return { path, createPath: path, query: {} }
  }
  const path = `/api/tasks/${purpose.taskId}/annotations`
  return { path, createPath: `${path}/`, query: { format: purpose.format } }
}

function uploadPath(purpose: UploadPurpose, uploadName: string): string {
  return `${pathsOf(purpose).createPath}${encodeURIComponent(uploadName)}`
}

/** An empty header means "in no organization" (recorded). */
function organizationHeader({ organization }: UploadPurpose): Record<string, string> {
  return { 'x-organization': organization ?? '' }
}

function readCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function tooLarge(call: ApiCall, limit: string | undefined): BackupError {
  const most = readCount(limit)
  const why = most === undefined ? 'too large for the server or a proxy in front of it' : `larger than ${most} bytes`
  return refusal(call, 413, 'too-large', `The upload is ${why}: raise the limit (client_max_body_size in nginx).`)
}

function refusal(call: ApiCall, status: number, code: string, hint: string): BackupError {
  return new BackupError(`${call.method} ${call.path}: ${status}`, { code, retryable: code !== 'too-large', hint })
}
