// A snapshot as one source of members: those of its project part, and those of each task's archive below `task_N/`.

import type { Entry } from 'yauzl'
import type { SnapshotRecord } from '#shared/store/record.ts'
import { partPath, presentParts } from '#shared/store/snapshot-parts.ts'
import { folderOf, type Run } from './find-runs.ts'
import {
  openZipSource,
  type SourceArchive,
  type SourceFacts,
  type SourceMember,
  type SourceOptions,
} from './source-archive.ts'

interface Piece {
  readonly path: string
  readonly sizeBytes: number
  /** What takes the place of nothing at the start of its names: `task_N/`, and nothing for the project part. */
  readonly prefix: string
}

/** A run, and which piece's directory it is a part of. */
interface PieceRun extends Run {
  readonly piece: number
}

type PieceFolders = ReadonlyMap<string, readonly PieceRun[]>

/** Files open at once: members of a few tasks are read side by side at most. */
const MOST_OPEN = 4

/**
 * Walks the directories of all parts once, one after another; a few files are open at a time. @throws BackupError as
 * openZipSource, `archive-changed` for a part of another size than the record says. Parts of which the record says that they
 * are missing or damaged are left out, as damaged parts of an archive are.
 */
export async function openSnapshotSource(
  path: string,
  record: SnapshotRecord,
  options: SourceOptions,
): Promise<SourceArchive> {
  const { known, ...others } = options
  const pieces: Piece[] = [
    { path, sizeBytes: options.expectedBytes ?? record.archive.sizeBytes, prefix: '' },
    ...presentParts(record).map((part) => ({
      path: partPath(path, part),
      sizeBytes: part.archive.sizeBytes,
      prefix: `task_${part.position}/`,
    })),
  ]
  const before = known?.sizeBytes === pieces[0]!.sizeBytes ? (known.folders as PieceFolders) : undefined
  const shelf = openShelf(pieces, others, before)
  try {
    const folders = before ?? (await collectFolders(pieces, shelf))
    const counts = [...folders.values()].flat().map(({ count }) => count)
    return describeSource(path, record, pieces, shelf, {
      folders,
      memberCount: counts.reduce((sum, count) => sum + count, 0),
    })
  } catch (error) {
    await shelf.close()
    throw error
  }
}

async function collectFolders(pieces: readonly Piece[], shelf: Shelf): Promise<PieceFolders> {
  const folders = new Map<string, readonly PieceRun[]>()
  for (const [piece, { prefix }] of pieces.entries()) {
    await shelf.use(piece, async (source) => {
      // A task's archive has no folder `task_N/`, and the project part neither; whatever else lies there is in theirs.
      const runs = [...source.folders.values()].flat()
      const longer = Buffer.byteLength(prefix)
      folders.set(
        prefix,
        runs.map((run) => ({ ...run, nameBytes: run.nameBytes + longer * run.count, piece })),
      )
    })
  }
  return folders
}

function describeSource(
  path: string,
  record: SnapshotRecord,
  pieces: readonly Piece[],
  shelf: Shelf,
  facts: { readonly folders: PieceFolders; readonly memberCount: number },
): SourceArchive {
  const pieceOf = new Map(pieces.map(({ prefix }, piece) => [prefix, piece]))
  /** Of each member handed out, the member of its piece, which alone finds its own header. */
  const originals = new WeakMap<Entry, { readonly piece: number; readonly member: SourceMember }>()
  const originalOf = ({ entry }: SourceMember) => {
    const original = originals.get(entry)
    if (!original) throw new TypeError('Not a member of this snapshot')
    return original
  }
  const source: SourceArchive = {
    path,
    sizeBytes: record.archive.sizeBytes,
    ...facts,
    async *members(runs = []) {
      for (const run of runs as readonly PieceRun[]) {
        yield* shelf.iterate(run.piece, (opened) => named(opened.members([run]), run.piece))
      }
    },
    async find(name) {
      const piece = pieceOf.get(folderOf(name))
      if (piece === undefined) return undefined
      return shelf.use(piece, async (opened) => {
        const member = await opened.find(name.slice(pieces[piece]!.prefix.length))
        return member && rename(member, piece)
      })
    },
    readRaw(member, start) {
      const { piece, member: original } = originalOf(member)
      return shelf.iterate(piece, (opened) => opened.readRaw(original, start))
    },
    async readContent(member, push) {
      const { piece, member: original } = originalOf(member)
      await shelf.use(piece, (opened) => opened.readContent(original, push))
    },
    async readText(member, maxBytes) {
      const { piece, member: original } = originalOf(member)
      return shelf.use(piece, (opened) => opened.readText(original, maxBytes))
    },
    [Symbol.asyncDispose]: () => shelf.close(),
  }
  return source

  function rename(member: SourceMember, piece: number): SourceMember {
    originals.set(member.entry, { piece, member })
    return { ...member, name: `${pieces[piece]!.prefix}${member.name}` }
  }

  async function* named(members: AsyncIterable<SourceMember>, piece: number): AsyncGenerator<SourceMember> {
    for await (const member of members) yield rename(member, piece)
  }
}

/** The pieces' files: opened when they are needed, a few at a time, none closed while it is in use. */
interface Shelf {
  use<T>(piece: number, work: (source: SourceArchive) => Promise<T>): Promise<T>
  iterate<T>(piece: number, work: (source: SourceArchive) => AsyncIterable<T>): AsyncGenerator<T>
  close(): Promise<void>
}

function openShelf(
  pieces: readonly Piece[],
  options: Omit<SourceOptions, 'known'>,
  before: PieceFolders | undefined,
): Shelf {
  interface Slot {
    readonly source: Promise<SourceArchive>
    users: number
  }
  const slots = new Map<number, Slot>()
  const known = new Map<number, SourceFacts>()
  for (const [piece, { prefix, sizeBytes }] of pieces.entries()) {
    const runs = before?.get(prefix)
    if (runs) known.set(piece, factsOfPiece(runs, prefix, sizeBytes))
  }

  const take = async (piece: number): Promise<SourceArchive> => {
    const { path, sizeBytes } = pieces[piece]!
    let slot = slots.get(piece)
    if (!slot) {
      const facts = known.get(piece)
      slot = { source: openZipSource(path, { ...options, expectedBytes: sizeBytes, known: facts }), users: 0 }
    }
    // The last one used is the last one to go.
    slots.delete(piece)
    slots.set(piece, slot)
    slot.users += 1
    try {
      const source = await slot.source
      const { sizeBytes: bytes, memberCount, folders } = source
      known.set(piece, { sizeBytes: bytes, memberCount, folders })
      await closeIdle()
      return source
    } catch (error) {
      slots.delete(piece)
      throw error
    }
  }
  const giveBack = (piece: number) => {
    const slot = slots.get(piece)
    if (slot) slot.users -= 1
  }
  const closeIdle = async () => {
    for (const [piece, slot] of slots) {
      if (slots.size <= MOST_OPEN) return
      if (slot.users > 0) continue
      slots.delete(piece)
      await (await slot.source)[Symbol.asyncDispose]()
    }
  }
  return {
    async use(piece, work) {
      const source = await take(piece)
      try {
        return await work(source)
      } finally {
        giveBack(piece)
      }
    },
    async *iterate(piece, work) {
      const source = await take(piece)
      try {
        yield* work(source)
      } finally {
        giveBack(piece)
      }
    },
    async close() {
      const open = [...slots.values()]
      slots.clear()
      for (const { source } of open) await source.then((one) => one[Symbol.asyncDispose]()).catch(() => undefined)
    },
  }
}

/** What an earlier opening of the whole snapshot has shown of one piece: its directory is not walked again. */
function factsOfPiece(runs: readonly PieceRun[], prefix: string, sizeBytes: number): SourceFacts {
  const longer = Buffer.byteLength(prefix)
  const own = runs.map((run) => ({ ...run, nameBytes: run.nameBytes - longer * run.count }))
  return { sizeBytes, memberCount: own.reduce((sum, { count }) => sum + count, 0), folders: new Map([['', own]]) }
}
