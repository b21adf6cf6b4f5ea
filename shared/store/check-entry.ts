// Judges one row of a zip's directory before a byte of the member is read.

import { type Entry, getFileNameLowLevel, validateFileName } from 'yauzl'
import type { Problem } from './record.ts'
import type { ZipLimits } from './zip-limits.ts'

const STORED = 0
const DEFLATED = 8

/** File types in the upper half of a Unix mode; 0 means that none is given. */
const FILE_TYPE_MASK = 0o170000
const REGULAR_FILE = 0o100000
const FOLDER = 0o040000

/** The name as the directory has it, with no slash turned and nothing made harmless. */
export function decodeMemberName(entry: Entry): string {
  return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true)
}

export function isFolder(name: string): boolean {
  return name.endsWith('/')
}

export function isDeflated(entry: Entry): boolean {
  return entry.compressionMethod === DEFLATED
}

/** Why this member cannot be what CVAT writes. CVAT stores; other tools and formats deflate. */
export function checkEntry(entry: Entry, name: string, limits: ZipLimits): Problem[] {
  const problems: Problem[] = []
  const report = (code: string, what: string) => problems.push({ code, message: `${showName(name)} ${what}` })
  if (validateFileName(name) !== null || /\p{Cc}/u.test(name) || name === '') {
    report('unsafe-name', 'is a name that could lead out of the folder it is unpacked in, or deceive')
  }
  const fileType = (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK
  if (fileType !== 0 && fileType !== REGULAR_FILE && fileType !== FOLDER) {
    report('special-file', 'is a link or another special file')
  }
  if (entry.isEncrypted()) report('encrypted-member', 'is encrypted')
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    report('unknown-compression', `is compressed by method ${entry.compressionMethod}`)
  }
  if (entry.compressionMethod === STORED && !entry.isEncrypted() && entry.compressedSize !== entry.uncompressedSize) {
    report('damaged-member', 'has two sizes though it is stored')
  }
  if (isFolder(name) && entry.uncompressedSize > 0) report('damaged-member', 'is a folder with content')
  const allowedBytes = Math.max(limits.freeInflatedBytes, entry.compressedSize * limits.maxRatio)
  if (entry.uncompressedSize > allowedBytes) report('too-compressed', 'would grow out of proportion when unpacked')
  return problems
}

/** A member's name in a message: quoted, so that whatever it holds does no harm in a terminal, and not too long. */
export function showName(name: string): string {
  const text = JSON.stringify(name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd'))
  return text.length > 120 ? `${text.slice(0, 118)}…"` : text
}
