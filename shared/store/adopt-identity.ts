// Whose archive a zip is by its own word: the name in a backup, the id and the date of birth in CVAT's XML. Read before the
// archive is verified, from a few kilobytes of it.

import { type FileHandle, open } from 'node:fs/promises'
import { constants, inflateRawSync } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import type { EntityType } from '#shared/model/entity.ts'
import type { ArchiveContent } from '#shared/model/series.ts'
import { decodeMemberName, isDeflated } from './check-entry.ts'
import { describeUnreadableZip } from './describe-unreadable-zip.ts'
import { toStoreError } from './store-errors.ts'
import { locateMember, openDirectory } from './zip-file.ts'

export interface ArchiveIdentity {
  /** As the server had it at the time of the export; only backups tell it. */
  readonly name?: string
  /** Only annotations in CVAT's own formats tell it. */
  readonly id?: number
  /** When the entity was created, to the microsecond; together with the id. */
  readonly createdDate?: string
}

/** The header of the XML is in the first kilobytes; a project.json with many labels takes more. */
const XML_HEAD_BYTES = 64 * 1024
const JSON_BYTES = 16 * 1024 * 1024

/**
 * Undefined where the archive does not tell. What is read is not verified.
 *
 * @throws BackupError `not-a-zip`, `truncated-archive`, `damaged-archive`, or a fault of the disk
 */
export async function readIdentity(
  path: string,
  entityType: EntityType,
  content: ArchiveContent,
  signal: AbortSignal,
): Promise<ArchiveIdentity | undefined> {
  try {
    await using handle = await open(path, 'r')
    const { size } = await handle.stat()
    if (content.kind === 'backup') {
      const text = await readStart(handle, size, `${entityType}.json`, JSON_BYTES, signal)
      return text === undefined ? undefined : parseBackup(text)
    }
    const text = await readStart(handle, size, 'annotations.xml', XML_HEAD_BYTES, signal)
    return text === undefined ? undefined : parseXml(text, entityType)
  } catch (error) {
    throw toStoreError(error, 'Reading the archive')
  }
}

function parseBackup(text: string): ArchiveIdentity | undefined {
  try {
    const { name } = JSON.parse(text) as { name?: unknown }
    return typeof name === 'string' ? { name } : undefined
  } catch {
    return undefined
  }
}

/** `<meta><project><id>8</id>…<created>2026-11-22 20:31:09.655479+00:00</created>`; tasks and labels come after it. */
function parseXml(text: string, entityType: EntityType): ArchiveIdentity | undefined {
  const pattern = new RegExp(
    `<meta>\\s*<${entityType}>\\s*<id>([1-9]\\d{0,14})</id>.*?<created>(\\d{4}-\\d\\d-\\d\\d) (\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?[+-]\\d\\d:\\d\\d)</created>`,
    's',
  )
  const match = pattern.exec(text)
  return match ? { id: Number(match[1]), createdDate: `${match[2]}T${match[3]}` } : undefined
}

/** The first bytes of one member as text; undefined when there is no such member or its start cannot be read. */
async function readStart(
  handle: FileHandle,
  sizeBytes: number,
  name: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { zip } = await openDirectory(handle, sizeBytes)
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted()
      if (decodeMemberName(entry) === name) return decode(entry, await readRaw(zip, entry, handle, maxBytes), maxBytes)
    }
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && 'syscall' in error) throw error
    throw await describeUnreadableZip(handle, sizeBytes, error)
  }
}

async function readRaw(zip: ZipFile, entry: Entry, handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const place = await locateMember(zip, entry)
  const length = Math.max(0, Math.min(place.dataEnd - place.dataStart, maxBytes))
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, place.dataStart)
  return buffer.subarray(0, bytesRead)
}

/** The end of the data may be missing, which zlib allows when it is told to flush what it has. */
function decode(entry: Entry, raw: Buffer, maxBytes: number): string | undefined {
  if (!isDeflated(entry)) return raw.toString('utf8')
  try {
    const inflated = inflateRawSync(raw, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes * 16 })
    return inflated.toString('utf8')
  } catch {
    return undefined
  }
}
