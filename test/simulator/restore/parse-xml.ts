// A small strict reader of XML, for documents as CVAT writes them: elements, attributes and text.

import { ImportError } from './import-error.ts'

export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: XmlElement[]
  text: string
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
/** A comment, an instruction or declaration, a piece of CDATA, a tag, or text up to the next one. */
const token =
  /<!--[\s\S]*?-->|<[?!](?!\[CDATA)[^>]*>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/gy

/** The document's root element. Throws an ImportError with the words of Python's parser, for the beginning at least. */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' }
  const open: XmlElement[] = [root]
  const body = text.replace(/^\ufeff/, '')
  token.lastIndex = 0
  let at = 0
  for (let match = token.exec(body); match; match = token.exec(body)) {
    const parent = open.at(-1) ?? root
    const [whole, cdata, closing, name = '', attributes, selfClosing] = match
    if (cdata !== undefined) parent.text += cdata
    else if (closing === '/') {
      if (parent === root || parent.name !== name) fail('mismatched tag', body, at)
      open.pop()
    } else if (name) {
      if (parent === root && root.children.length > 0) fail('junk after document element', body, at)
      const element: XmlElement = { name, attributes: readAttributes(attributes ?? ''), children: [], text: '' }
      parent.children.push(element)
      if (!selfClosing) open.push(element)
    } else if (!whole.startsWith('<')) {
      if (parent === root && whole.trim() !== '') failText(whole, body, at)
      parent.text += decode(whole)
    }
    at = token.lastIndex
  }
  if (at < body.length) fail('not well-formed (invalid token)', body, at + 1)
  const [top] = root.children
  if (!top || open.length > 1) fail('no element found', body, body.length)
  return top as XmlElement
}

function readAttributes(text: string): Record<string, string> {
  const found = [...text.matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)]
  return Object.fromEntries(found.map(([, name = '', double, single]) => [name, decode(double ?? single ?? '')]))
}

function decode(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name) return entities[name] ?? whole
    return String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal ? 10 : 16))
  })
}

/** What is no document at all: a sentence, or the bytes of a broken zip. */
function failText(text: string, body: string, at: number): never {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the first one is where Python's parser stops
  const control = text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/)
  if (control >= 0 && control < 16) fail('not well-formed (invalid token)', body, at + control)
  fail('syntax error', body, at + (text.length - text.trimStart().length))
}

function fail(what: string, body: string, at: number): never {
  const before = body.slice(0, at).split('\n')
  const place = `line ${before.length}, column ${before.at(-1)?.length ?? 0}`
  throw new ImportError(`xml.etree.ElementTree.ParseError: ${what}: ${place}`)
}
