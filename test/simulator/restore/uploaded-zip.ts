// A zip that was uploaded, read as Python's zipfile reads it: its directory, then members by reference into the file.

import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'
import { type Entry, fromFdPromise, type ZipFile } from 'yauzl'
import type { ByteSource } from '../media-bytes.ts'
import type { ZipMember } from '../zip-layout.ts'
import { ImportError } from './import-error.ts'

const pieceBytes = 256 * 1024
const deflated = 8

export interface UploadedZip {
  /** In the archive's order; of two members of one name both are here. */
  readonly members: readonly ZipMember[]
  /** The last member of that name, as zipfile finds it. */
  find(name: string): ZipMember | undefined
}

/**
 * Opens the directory and reads every member through once, in bounded memory, as an import does.
 * Throws an {@link ImportError} with zipfile's words for what is no zip or damaged.
 */
export async function openUploadedZip(path: string): Promise<UploadedZip> {
  const handle = await open(path)
  try {
    const members = await readDirectory(handle, path)
    for (const member of members) await checkCrc(handle, member)
    const byName = new Map(members.map((member) => [member.name, member]))
    return { members, find: (name) => byName.get(name) }
  } finally {
    await handle.close()
  }
}

type LocatedMember = ZipMember & { readonly dataStart: number; readonly isDeflated: boolean }

async function readDirectory(handle: FileHandle, path: string): Promise<LocatedMember[]> {
  const members: LocatedMember[] = []
  try {
    // Names are taken as they are: zipfile has no opinion on them.
    const zip = await fromFdPromise(handle.fd, { autoClose: false, decodeStrings: false, validateEntrySizes: false })
    for await (const entry of zip.eachEntry()) members.push(await locate(zip, entry, path))
  } catch {
    throw new ImportError('zipfile.BadZipFile: File is not a zip file')
  }
  return members.filter((member) => !member.name.endsWith('/'))
}

async function locate(zip: ZipFile, entry: Entry, path: string): Promise<LocatedMember> {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  const isDeflated = entry.compressionMethod === deflated
  const place = { path, start: fileDataStart, storedBytes: entry.compressedSize }
  const content: ByteSource = isDeflated
    ? { size: entry.uncompressedSize, crc: entry.crc32, read: (start, end) => inflate(place).subarray(start, end) }
    : { size: entry.uncompressedSize, crc: entry.crc32, read: (start, end) => readPiece(place, start, end) }
  return {
    name: entry.fileNameRaw.toString('utf8'),
    modifiedMs: entry.getLastModDate({ timezone: 'UTC' }).getTime(),
    mode: entry.externalFileAttributes >>> 16,
    content,
    dataStart: fileDataStart,
    isDeflated,
  }
}

interface Place {
  readonly path: string
  readonly start: number
  readonly storedBytes: number
}

/** Opened for each piece: thousands of restored tasks would otherwise hold thousands of open files. */
function readPiece({ path, start: from }: Place, start: number, end: number): Buffer {
  const piece = Buffer.allocUnsafe(end - start)
  const file = openSync(path, 'r')
  try {
    for (let filled = 0; filled < piece.length; ) {
      const read = readSync(file, piece, filled, piece.length - filled, from + start + filled)
      if (read === 0) throw new Error(`${path} ended early`)
      filled += read
    }
    return piece
  } finally {
    closeSync(file)
  }
}

/** CVAT stores its members; a compressed one is inflated whole each time. */
function inflate(place: Place): Buffer {
  return inflateRawSync(readPiece(place, 0, place.storedBytes))
}

async function checkCrc(handle: FileHandle, member: LocatedMember): Promise<void> {
  const { content } = member
  let crc = 0
  if (member.isDeflated) crc = crc32(content.read(0, content.size))
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, content.size))
  for (let at = 0; !member.isDeflated && at < content.size; ) {
    const wanted = Math.min(buffer.length, content.size - at)
    const { bytesRead } = await handle.read(buffer, 0, wanted, member.dataStart + at)
    if (bytesRead === 0) throw new ImportError('EOFError')
    crc = crc32(buffer.subarray(0, bytesRead), crc)
    at += bytesRead
  }
  if (crc !== content.crc) throw new ImportError(`zipfile.BadZipFile: Bad CRC-32 for file '${member.name}'`)
}

/** A small member's text; for project.json and its like. */
export function textOf(member: ZipMember): string {
  return member.content.read(0, member.content.size).toString('utf8')
}
