// Lays a planned archive out as one zip whose size and bytes are known without ever writing it: offsets are computed from
// the stored archives' directories, members are read where they lie.

import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { BackupError } from '#shared/errors/backup-error.ts'
import { showName } from '#shared/store/check-entry.ts'
import { type CompositionPlan, isMade } from './composition-plan.ts'
import { layOut, membersOf, type Placed, type PlacedMember } from './lay-out.ts'
import { type Opener, openOneByOne } from './open-sources.ts'
import type { SourceArchive, SourceOptions } from './source-archive.ts'
import { directoryRow, endOfDirectory, type MemberFacts } from './zip-records.ts'

export interface StreamRange {
  /** The first byte; 0 if absent. */
  readonly start?: number
  /** The first byte that is not wanted; the end of the archive if absent. */
  readonly end?: number
}

/**
 * Holds no open file between calls, so there is nothing to close, and any number of streams may run at once. Memory: some
 * numbers a task, and some buffers a stream.
 */
export interface ComposedArchive {
  readonly sizeBytes: number
  readonly memberCount: number
  /**
   * The bytes of a range, in chunks that are the caller's to keep. The same plan gives the same bytes in any process.
   * @throws BackupError `damaged-archive` where an uncompressed member is read whole and is not what its CRC-32 says,
   * `archive-changed` where a stored archive has another size than planned
   */
  stream(range?: StreamRange): AsyncGenerator<Buffer>
  /** At most `length` bytes from `offset` on; fewer only at the end. */
  read(offset: number, length: number): Promise<Buffer>
  /** The members in order, as the directory tells them. */
  members(): AsyncGenerator<MemberFacts>
  /** SHA-256 in hex digits: reads all of it. */
  hash(): Promise<string>
}

const CHUNK_BYTES = 256 * 1024

/** @throws BackupError as openSourceArchive; `archive-changed`; `no-such-member` where an edit or a folder finds nothing */
export async function openComposedArchive(
  plan: CompositionPlan,
  options: SourceOptions = {},
): Promise<ComposedArchive> {
  const openAgain = openOneByOne(options)
  const { placed, directoryAt, endAt, memberCount } = await layOut(plan, openAgain)
  const end = endOfDirectory(memberCount, directoryAt, endAt - directoryAt)
  const sizeBytes = endAt + end.length

  async function* pieces(start: number, stop: number): AsyncGenerator<Buffer> {
    await using opener = openAgain()
    for (const one of placed) {
      if (one.endsAt > start && one.startsAt < stop) yield* readPart(one, opener, start, stop)
    }
    for (const one of placed) {
      if (one.rowsEndAt > start && one.rowsAt < stop) yield* readRows(one, opener, start, stop)
    }
    if (stop > endAt) yield cut(end, endAt, start, stop)
  }

  const archive: ComposedArchive = {
    sizeBytes,
    memberCount,
    stream: ({ start = 0, end: stop = sizeBytes } = {}) => gather(pieces(start, Math.min(stop, sizeBytes))),
    async read(offset, length) {
      const chunks: Buffer[] = []
      for await (const chunk of archive.stream({ start: offset, end: offset + length })) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    async *members() {
      await using opener = openAgain()
      for (const one of placed) for await (const { facts } of membersOf(one, opener)) yield facts
    },
    async hash() {
      const hash = createHash('sha256')
      for await (const chunk of archive.stream()) hash.update(chunk)
      return hash.digest('hex')
    },
  }
  return archive
}

async function* readPart(one: Placed, opener: Opener, start: number, stop: number): AsyncGenerator<Buffer> {
  const source = isMade(one.part) ? undefined : await opener.open(one.part)
  for await (const member of membersOf(one, opener)) {
    const { facts, offset, header, content, source: stored } = member
    const dataAt = offset + header.length
    const endsAt = dataAt + facts.compressedBytes
    if (endsAt <= start) continue
    if (offset >= stop) return
    if (dataAt > start) yield cut(header, offset, start, stop)
    if (facts.compressedBytes === 0 || dataAt >= stop) continue
    if (content) yield cut(content, dataAt, start, stop)
    else if (source && stored) yield* readStored(source, member, dataAt, start, stop)
  }
}

async function* readStored(
  source: SourceArchive,
  { facts, source: stored }: PlacedMember,
  dataAt: number,
  start: number,
  stop: number,
): AsyncGenerator<Buffer> {
  let at = Math.max(dataAt, start)
  let crc = at === dataAt && facts.method === 0 ? 0 : undefined
  for await (const chunk of source.readRaw(stored!, at - dataAt)) {
    if (crc !== undefined) crc = crc32(chunk, crc)
    const isLast = at + chunk.length === dataAt + facts.compressedBytes
    if (isLast && crc !== undefined && crc !== facts.crc32) throw rotten(source.path, stored!.name)
    yield at + chunk.length > stop ? chunk.subarray(0, stop - at) : chunk
    at += chunk.length
    if (at >= stop) return
  }
}

async function* readRows(one: Placed, opener: Opener, start: number, stop: number): AsyncGenerator<Buffer> {
  let at = one.rowsAt
  for await (const { facts, offset } of membersOf(one, opener)) {
    const row = directoryRow(facts, offset)
    if (at >= stop) return
    if (at + row.length > start) yield cut(row, at, start, stop)
    at += row.length
  }
}

/** What of a piece that lies at `at` belongs to the range. */
function cut(piece: Buffer, at: number, start: number, stop: number): Buffer {
  return piece.subarray(Math.max(0, start - at), Math.max(0, Math.min(piece.length, stop - at)))
}

/** Small pieces become chunks worth sending; the members of an archive can be many and tiny. */
async function* gather(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = []
  let pendingBytes = 0
  for await (const piece of pieces) {
    if (piece.length === 0) continue
    pending.push(piece)
    pendingBytes += piece.length
    if (pendingBytes < CHUNK_BYTES) continue
    yield pending.length === 1 ? piece : Buffer.concat(pending)
    pending = []
    pendingBytes = 0
  }
  if (pendingBytes > 0) yield Buffer.concat(pending)
}

function rotten(path: string, name: string): BackupError {
  return new BackupError(`${path} is damaged: ${showName(name)} has another CRC-32 than stated`, {
    code: 'damaged-archive',
    retryable: false,
    hint: 'Check it with `cvat-backups verify FOLDER`, and take another archive.',
  })
}
