// How nginx serves an exported file: ranges, conditions, and the name that CVAT gave it.

import type { IncomingHttpHeaders } from 'node:http'
import { type Answer, nginxPage } from './answers.ts'
import { contentDisposition } from './content-disposition.ts'
import type { ZipLayout } from './zip-layout.ts'

export interface ServedFile {
  readonly layout: ZipLayout
  readonly modifiedMs: number
  readonly fileName: string
}

export function serveFile(file: ServedFile, headers: IncomingHttpHeaders, rangesSupported: boolean): Answer {
  const { size } = file.layout
  const disposition = { 'content-disposition': contentDisposition(file.fileName) }
  const lastModified = new Date(file.modifiedMs).toUTCString()
  const slice = (status: number, start: number, end: number, more: Answer['headers']): Answer => ({
    status,
    contentType: 'application/zip',
    body: { layout: file.layout, start, end },
    headers: { 'last-modified': lastModified, ...disposition, ...more },
    origin: 'nginx',
  })
  if (!rangesSupported) return slice(200, 0, size, {})
  const etag = `"${Math.floor(file.modifiedMs / 1000).toString(16)}-${size.toString(16)}"`
  if (
    headers['if-none-match'] === etag ||
    (!headers['if-none-match'] && headers['if-modified-since'] === lastModified)
  ) {
    const body = Buffer.alloc(0)
    const kept = { 'last-modified': lastModified, ...disposition, etag }
    return { status: 304, contentType: null, body, headers: kept, origin: 'nginx' }
  }
  const ifRange = headers['if-range']
  const isSame = ifRange === undefined || ifRange === etag || ifRange === lastModified
  const range = isSame ? parseRange(headers.range, size) : 'whole'
  if (range === 'whole') return slice(200, 0, size, { etag, 'accept-ranges': 'bytes' })
  if (range === 'beyond') {
    const text = '416 Requested Range Not Satisfiable'
    return nginxPage(416, text, { ...disposition, 'content-range': `bytes */${size}` })
  }
  const contentRange = `bytes ${range.start}-${range.end - 1}/${size}`
  return slice(206, range.start, range.end, { etag, 'content-range': contentRange })
}

/** One range is served; several at once are answered with the whole file, which the standard allows. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | 'whole' | 'beyond' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return 'whole'
  if (match[1] === '') {
    const last = Math.min(Number(match[2]), size)
    return last === 0 ? 'beyond' : { start: size - last, end: size }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size)
  if (start >= size) return 'beyond'
  return end <= start ? 'whole' : { start, end }
}
