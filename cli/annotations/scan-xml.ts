// Splits an XML document into its tags and texts as it comes. For the documents of CVAT's exports: what they hold besides
// (comments, CDATA, declarations) is handed on as it is.

import { StringDecoder } from 'node:string_decoder'
import { BackupError } from '#shared/errors/backup-error.ts'

export interface XmlToken {
  readonly kind: 'open' | 'close' | 'empty' | 'text' | 'other'
  /** Of a tag; else empty. */
  readonly name: string
  /** As it stands in the document. */
  readonly raw: string
}

export interface XmlScanner {
  push(chunk: Uint8Array): void
  end(): void
}

/** A mask of a large picture has some 100 kB in one tag. */
const LONGEST_TOKEN = 64 * 1024 * 1024

/** @throws BackupError `bad-document` for what is no XML to its end */
export function openXmlScanner(onToken: (token: XmlToken) => void): XmlScanner {
  const decoder = new StringDecoder('utf8')
  let text = ''
  const take = (isLast: boolean) => {
    let at = 0
    for (;;) {
      const tagAt = text.indexOf('<', at)
      const textEnd = tagAt === -1 ? text.length : tagAt
      if (textEnd > at) onToken({ kind: 'text', name: '', raw: text.slice(at, textEnd) })
      at = textEnd
      if (tagAt === -1) break
      const end = findEnd(text, tagAt)
      if (end === -1) break
      onToken(readToken(text.slice(tagAt, end)))
      at = end
    }
    text = text.slice(at)
    if (text.length > LONGEST_TOKEN || (isLast && text.trim() !== '')) throw badDocument()
  }
  return {
    push(chunk) {
      text += decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      take(false)
    },
    end() {
      text += decoder.end()
      take(true)
    },
  }
}

/** One attribute of a tag; undefined where it has none of this name. */
export function readAttribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag)
  const text = match?.[1] ?? match?.[2]
  return text === undefined ? undefined : unescapeXml(text)
}

/** The tag with another value of an attribute that it has. */
export function writeAttribute(tag: string, name: string, value: string): string {
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
  const pattern = new RegExp(`(\\s${name}\\s*=\\s*)(?:"[^"]*"|'[^']*')`)
  return tag.replace(pattern, (_, start) => `${start}"${escaped}"`)
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

export function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[String(name).toLowerCase()] ?? whole
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** Where the tag or the like that begins here ends; -1: not yet. */
function findEnd(text: string, at: number): number {
  for (const [start, end] of [
    ['<!--', '-->'],
    ['<![CDATA[', ']]>'],
    ['<?', '?>'],
  ] as const) {
    if (!text.startsWith(start, at)) continue
    const found = text.indexOf(end, at + start.length)
    return found === -1 ? -1 : found + end.length
  }
  // What begins like one of these may not have come whole.
  if (text.length - at < 9 && !text.includes('>', at)) return -1
  let quote = ''
  for (let i = at + 1; i < text.length; i++) {
    const letter = text[i]!
    if (quote !== '') quote = letter === quote ? '' : quote
    else if (letter === '"' || letter === "'") quote = letter
    else if (letter === '>') return i + 1
  }
  return -1
}

function readToken(raw: string): XmlToken {
  const [, slash, name] = /^<(\/?)([^\s/>!?]+)/.exec(raw) ?? []
  if (name === undefined) return { kind: 'other', name: '', raw }
  if (slash) return { kind: 'close', name, raw }
  return { kind: raw.endsWith('/>') ? 'empty' : 'open', name, raw }
}

function badDocument(): BackupError {
  return new BackupError('The document in the archive ends in the middle, or is no XML', {
    code: 'bad-document',
    retryable: false,
  })
}
