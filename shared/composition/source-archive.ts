// A stored archive as a source of members: its folders found in one walk through the directory, their members read where
// they lie.

import type { FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import type { Entry } from 'yauzl'
import { BackupError } from '#shared/errors/backup-error.ts'
import { readFully } from '#shared/store/block-reader.ts'
import { checkEntry, decodeMemberName, isDeflated } from '#shared/store/check-entry.ts'
import { describeUnreadableZip } from '#shared/store/describe-unreadable-zip.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import { locateMember, openDirectory } from '#shared/store/zip-file.ts'
import { defaultZipLimits, type ZipLimits } from '#shared/store/zip-limits.ts'
import { findRuns, folderOf, type Run } from './find-runs.ts'
import { changed, damaged, unsound } from './source-errors.ts'
import type { MemberFacts } from './zip-records.ts'

export interface SourceMember extends MemberFacts {
  readonly entry: Entry
}

/** What one walk through the directory shows. */
export interface SourceFacts {
  readonly sizeBytes: number
  readonly memberCount: number
  /** By folder, in the order they begin: `''` for what lies in no task's folder, and `task_N/`. */
  readonly folders: ReadonlyMap<string, readonly Run[]>
}

export interface SourceOptions {
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<ZipLimits> | undefined
  readonly files?: Pick<FileOperations, 'open'> | undefined
  /** The size that the file must have. @throws BackupError `archive-changed` otherwise */
  readonly expectedBytes?: number | undefined
  /** From an earlier opening of the same file: spares the walk, if the size is still the same. */
  readonly known?: SourceFacts | undefined
}

/** To be closed. Memory: some numbers a run, so in CVAT's archives a task; nothing grows with members or bytes. */
export interface SourceArchive extends SourceFacts, AsyncDisposable {
  readonly path: string
  members(runs: readonly Run[] | undefined): AsyncGenerator<SourceMember>
  /** The first member of this name. */
  find(name: string): Promise<SourceMember | undefined>
  /** The member's bytes as they lie in the file, compressed or not, from `start` on; chunks are the caller's to keep. */
  readRaw(member: SourceMember, start?: number): AsyncGenerator<Buffer>
  /** Hands on the content, unpacked; a chunk is valid until the next. @throws BackupError where size or CRC-32 are wrong */
  readContent(member: SourceMember, push: (chunk: Buffer) => void | Promise<void>): Promise<void>
  /** The content of a small member as text; undefined when it is larger than `maxBytes`. */
  readText(member: SourceMember, maxBytes: number): Promise<string | undefined>
}

const CHUNK_BYTES = 256 * 1024

/**
 * Opens a zip. What a name stands for is told by openSourceArchive. Nothing is believed: @throws BackupError `damaged-archive`,
 * `truncated-archive`, `not-a-zip` for what is none, `unsound-archive` for members that no backup has (links, names that
 * lead out of a folder, bytes that are shared or grow out of proportion); faults of the disk as the store tells them.
 */
export async function openZipSource(path: string, options: SourceOptions = {}): Promise<SourceArchive> {
  const limits = { ...defaultZipLimits, ...options.limits }
  const attempted = `Reading ${path}`
  const handle = await withFaults(attempted, () => (options.files ?? realFiles).open(path, 'r'))
  try {
    return await withFaults(attempted, () => openOpened(path, handle, limits, options))
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function openOpened(
  path: string,
  handle: FileHandle,
  limits: ZipLimits,
  { signal, known, expectedBytes }: SourceOptions,
): Promise<SourceArchive> {
  const { size } = await handle.stat()
  if (expectedBytes !== undefined && size !== expectedBytes) throw changed(path, size, expectedBytes)
  const asZip = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run()
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof BackupError || (error instanceof Error && 'syscall' in error)) throw error
      throw await describeUnreadableZip(handle, size, error)
    }
  }
  // Its local headers are read through this one; each walk opens the directory anew.
  const { zip, startsAt } = await asZip(() => openDirectory(handle, size))
  if (zip.entryCount > limits.maxMembers) throw unsound(path, `it has more than ${limits.maxMembers} members`)

  async function* walk(
    rowsAt: number,
    count: number,
  ): AsyncGenerator<SourceMember & { rowAt: number; nextAt: number }> {
    const { zip: rows } = await openDirectory(handle, size)
    rows.readEntryCursor = rowsAt as never
    let rowAt = rowsAt
    let left = count
    if (left === 0) return
    for await (const entry of rows.eachEntry()) {
      signal?.throwIfAborted()
      const nextAt = Number(rows.readEntryCursor)
      const name = decodeMemberName(entry)
      const [problem] = checkEntry(entry, name, limits)
      if (problem) throw unsound(path, problem.message)
      yield { ...describeMember(entry, name), rowAt, nextAt }
      rowAt = nextAt
      if (--left === 0) return
    }
  }

  const folders =
    known?.sizeBytes === size ? known.folders : await asZip(() => findRuns(walk(startsAt, zip.entryCount)))
  let totalBytes = 0
  for (const runs of folders.values()) for (const run of runs) totalBytes += run.compressedBytes
  if (totalBytes > startsAt) throw unsound(path, 'its members share their bytes')

  const source: SourceArchive = {
    path,
    sizeBytes: size,
    memberCount: zip.entryCount,
    folders,
    async *members(runs = []) {
      for (const { rowsAt, count } of runs) yield* walk(rowsAt, count)
    },
    async find(name) {
      for await (const member of source.members(folders.get(folderOf(name)))) if (member.name === name) return member
      return undefined
    },
    async *readRaw(member, start = 0) {
      const place = await asZip(() => locateMember(zip, member.entry))
      if (!place.hasSameName) throw damaged(path, member.name, 'is named otherwise in its own header')
      if (place.dataEnd > startsAt) throw damaged(path, member.name, 'reaches into the directory')
      for (let at = place.dataStart + start; at < place.dataEnd; ) {
        signal?.throwIfAborted()
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, place.dataEnd - at))
        await withFaults(`Reading ${path}`, () => readFully(handle, chunk, at))
        at += chunk.length
        yield chunk
      }
    },
    async readContent(member, push) {
      let crc = 0
      let bytes = 0
      const take = async (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > member.sizeBytes) throw damaged(path, member.name, 'has more bytes than stated')
        crc = crc32(chunk, crc)
        await push(chunk)
      }
      if (isDeflated(member.entry)) await inflate(source.readRaw(member), take, path, member.name)
      else for await (const chunk of source.readRaw(member)) await take(chunk)
      if (bytes !== member.sizeBytes) throw damaged(path, member.name, 'has another size than stated')
      if (crc !== member.crc32) throw damaged(path, member.name, 'has another CRC-32 than stated')
    },
    async readText(member, maxBytes) {
      if (member.sizeBytes > maxBytes) return undefined
      const chunks: Buffer[] = []
      await source.readContent(member, (chunk) => void chunks.push(Buffer.from(chunk)))
      return Buffer.concat(chunks).toString('utf8')
    },
    [Symbol.asyncDispose]: () => handle.close(),
  }
  return source
}

async function inflate(
  raw: AsyncIterable<Buffer>,
  take: (chunk: Buffer) => Promise<void>,
  path: string,
  name: string,
): Promise<void> {
  try {
    await pipeline(raw, createInflateRaw(), async (inflated: AsyncIterable<Buffer>) => {
      for await (const chunk of inflated) await take(chunk)
    })
  } catch (error) {
    const isZlib = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    throw isZlib ? damaged(path, name, 'cannot be unpacked') : error
  }
}

function describeMember(entry: Entry, name: string): SourceMember {
  return {
    entry,
    name,
    compressedBytes: entry.compressedSize,
    sizeBytes: entry.uncompressedSize,
    crc32: entry.crc32,
    method: entry.compressionMethod,
    modified: entry.lastModFileDate * 0x10000 + entry.lastModFileTime,
    externalAttributes: entry.externalFileAttributes,
  }
}

async function withFaults<T>(attempted: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw toStoreError(error, attempted)
  }
}
