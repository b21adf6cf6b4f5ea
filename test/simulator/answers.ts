// The shapes in which CVAT and the nginx in front of it answer, errors included: five kinds, no two alike.

import type { ZipLayout } from './zip-layout.ts'

export interface Answer {
  readonly status: number
  readonly contentType: string | null
  readonly body: Buffer | FileSlice
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Who wrote it decides about `Vary` and `Allow`: the API, a Django page, or nginx. */
  readonly origin: 'api' | 'page' | 'nginx'
  /** The parsed JSON body, for faults that rewrite it. */
  readonly json?: unknown
}

export interface FileSlice {
  readonly layout: ZipLayout
  readonly start: number
  readonly end: number
}

export const apiType = 'application/vnd.cvat+json'
const pageType = 'text/html; charset=utf-8'
const nothing = Buffer.alloc(0)

export function json(status: number, value: unknown, headers: Answer['headers'] = {}): Answer {
  const body = Buffer.from(JSON.stringify(value))
  return { status, contentType: apiType, body, headers, origin: 'api', json: value }
}

/** `{"detail": …}`: 401, 403, 404, 405, 406, 429. */
export function detail(status: number, text: string, headers: Answer['headers'] = {}): Answer {
  return json(status, { detail: text }, headers)
}

/** Plain text that claims to be HTML: unknown requests, unfinished downloads. */
export function plainText(status: number, text: string): Answer {
  return { status, contentType: pageType, body: Buffer.from(text), headers: {}, origin: 'api' }
}

export function empty(status: number, headers: Answer['headers'] = {}): Answer {
  return { status, contentType: null, body: nothing, headers: { 'content-length': '0', ...headers }, origin: 'api' }
}

export const denied = (): Answer => detail(403, 'You do not have permission to perform this action.')
export const missing = (kind: string): Answer => detail(404, `No ${kind} matches the given query.`)

/** Django's own error page. */
export function djangoPage(status: number, title: string, sentence: string): Answer {
  const text = `\n<!doctype html>\n<html lang="en">\n<head>\n  <title>${title}</title>\n</head>\n<body>\n  <h1>${title}</h1><p>${sentence}</p>\n</body>\n</html>\n`
  return { status, contentType: pageType, body: Buffer.from(text), headers: {}, origin: 'page' }
}

export const notFoundPage = (): Answer =>
  djangoPage(404, 'Not Found', 'The requested resource was not found on this server.')
export const serverErrorPage = (): Answer => djangoPage(500, 'Server Error (500)', '')

export function nginxPage(status: number, title: string, headers: Answer['headers'] = {}): Answer {
  const text = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`
  return { status, contentType: 'text/html', body: Buffer.from(text), headers, origin: 'nginx' }
}

export const badGatewayPage = (): Answer => nginxPage(502, '502 Bad Gateway')

export function bodySize(answer: Answer): number {
  return 'layout' in answer.body ? answer.body.end - answer.body.start : answer.body.length
}
