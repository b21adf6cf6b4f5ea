// The file of a finished export, from any offset.

import type { Readable } from 'node:stream'
import type { ApiCaller } from './api-caller.ts'
import { createUnexpectedAnswer } from './parse-answer.ts'
import { resultTarget, type ServerUrl } from './server-url.ts'
import { type Answer, discard } from './transport.ts'

export interface DownloadOptions {
  /** Bytes that are already here; 0 unless told. */
  readonly offset?: number | undefined
  /** ETag (strong) or Last-Modified of the file that those bytes are from: another file comes whole then. */
  readonly ifRange?: string | undefined
}

export interface Download {
  /** 206 only for an offset above 0. */
  readonly status: 200 | 206
  /** Of the whole file; undefined when the server does not say. The body may end early: compare. */
  readonly totalBytes: number | undefined
  /** Where in the file the body begins: the offset asked for, or 0 when the whole file comes. */
  readonly offset: number
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly acceptsRanges: boolean
  readonly contentType: string
  /** Must be read to its end or destroyed; see `asDownloadError` for its errors. */
  readonly body: Readable
}

/**
 * Resolves when the headers are there. The signal breaks the body, too.
 *
 * @throws BackupError `file-expired`, `unknown-request`, `export-not-finished`, `range-not-satisfiable`,
 * `unexpected-answer` (a page instead of a file, or another range than asked for), and what any call may throw
 */
export async function openDownload(
  deps: { caller: ApiCaller; server: ServerUrl },
  resultUrl: string,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<Download> {
  const offset = options.offset ?? 0
  const headers: Record<string, string> = {}
  if (offset > 0) {
    headers.range = `bytes=${offset}-`
    if (options.ifRange !== undefined) headers['if-range'] = options.ifRange
  }
  const target = resultTarget(deps.server, resultUrl)
  const answer = await deps.caller.open(target, headers, signal)
  try {
    return readDownload(answer, offset, 'GET result_url')
  } catch (error) {
    discard(answer)
    throw error
  }
}

/**
 * What the headers of an answer tell of the file in it.
 *
 * @param call for messages: `GET result_url`
 * @throws BackupError `unexpected-answer`; the answer's body is the caller's to give up then
 */
export function readDownload(answer: Answer, askedOffset: number, call: string): Download {
  const unfit = (what: string, isPage = false) => createUnexpectedAnswer({ call, status: answer.status }, what, isPage)
  const contentType = answer.header('content-type') ?? ''
  const encoding = answer.header('content-encoding') ?? 'identity'
  if (contentType.startsWith('text/html')) throw unfit('is a page instead of a file', true)
  if (encoding !== 'identity') throw unfit('is compressed on its way, so it cannot be checked or resumed')
  const length = readCount(answer.header('content-length'))
  const common = {
    etag: answer.header('etag'),
    lastModified: answer.header('last-modified'),
    contentType,
    body: answer.body,
  }
  if (answer.status === 200) {
    const acceptsRanges = answer.header('accept-ranges')?.trim().toLowerCase() === 'bytes'
    return { ...common, status: 200, totalBytes: length, offset: 0, acceptsRanges }
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.header('content-range')?.trim() ?? '')
  const [, start, end, total] = range ?? []
  if (askedOffset === 0 || Number(start) !== askedOffset) throw unfit('holds another range than asked for')
  if (length !== undefined && length !== Number(end) - askedOffset + 1) throw unfit('contradicts its own range')
  return { ...common, status: 206, totalBytes: readCount(total), offset: askedOffset, acceptsRanges: true }
}

function readCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
