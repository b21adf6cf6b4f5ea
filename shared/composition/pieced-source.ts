// Several files as one source of members: a snapshot's project part with each task's archive below `task_N/`, and an archive
// without media with the one that has them.

import type { Entry } from 'yauzl'
import { folderOf, isMediaOf, type Run } from './find-runs.ts'
import {
  openZipSource,
  type SourceArchive,
  type SourceFacts,
  type SourceMember,
  type SourceOptions,
} from './source-archive.ts'
import { unsound } from './source-errors.ts'

export interface Piece {
  readonly path: string
  /** The size that the file must have. */
  readonly sizeBytes: number
  /** What takes the place of nothing at the start of its names: `task_N/`, or nothing. */
  readonly prefix: string
  /** Which of its members are taken: those below `data/`, all others (then it must have no media itself), or all. */
  readonly takes: 'media' | 'rest' | 'all'
}

/** A run, and which piece's directory it is a part of. */
interface PieceRun extends Run {
  readonly piece: number
}

type PieceFolders = ReadonlyMap<string, readonly PieceRun[]>

/** Files open at once: members of a few tasks are read side by side at most. */
const MOST_OPEN = 4

/**
 * Walks the directories of all pieces once, one after another; a few files are open at a time. Members come in the order of the
 * pieces. @throws BackupError as openZipSource, `archive-changed` for a piece of another size than given
 */
export async function openPiecedSource(
  own: { readonly path: string; readonly sizeBytes: number },
  pieces: readonly Piece[],
  options: SourceOptions,
): Promise<SourceArchive> {
  const { known, ...others } = options
  const before = known?.sizeBytes === own.sizeBytes ? (known.folders as PieceFolders) : undefined
  const shelf = openShelf(pieces, others, before)
  try {
    const folders = before ?? (await collectFolders(pieces, shelf))
    const counts = [...folders.values()].flat().map(({ count }) => count)
    return describeSource(own, pieces, shelf, {
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
  for (const [piece, { prefix, takes, path }] of pieces.entries()) {
    await shelf.use(piece, async (source) => {
      // A task's archive has no folder `task_N/`, and the project part neither; whatever else lies there is in theirs.
      const runs = [...source.folders.values()].flat()
      if (takes === 'rest' && runs.some(({ isMedia }) => isMedia)) throw unsound(path, 'it has media of its own')
      const longer = Buffer.byteLength(prefix)
      const taken = runs
        .filter(({ isMedia }) => takes !== 'media' || isMedia)
        .map((run) => ({ ...run, nameBytes: run.nameBytes + longer * run.count, piece }))
      folders.set(prefix, [...(folders.get(prefix) ?? []), ...taken])
    })
  }
  return folders
}

function describeSource(
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  pieces: readonly Piece[],
  shelf: Shelf,
  facts: { readonly folders: PieceFolders; readonly memberCount: number },
): SourceArchive {
  const pieceOf = (name: string) => {
    const folder = folderOf(name)
    const other = isMediaOf(folder, name) ? 'rest' : 'media'
    return pieces.findIndex(({ prefix, takes }) => prefix === folder && takes !== other)
  }
  /** Of each member handed out, the member of its piece, which alone finds its own header. */
  const originals = new WeakMap<Entry, { readonly piece: number; readonly member: SourceMember }>()
  const originalOf = ({ entry }: SourceMember) => {
    const original = originals.get(entry)
    if (!original) throw new TypeError('Not a member of this source')
    return original
  }
  const source: SourceArchive = {
    path,
    sizeBytes,
    ...facts,
    async *members(runs = []) {
      for (const run of runs as readonly PieceRun[]) {
        yield* shelf.iterate(run.piece, (opened) => named(opened.members([run]), run.piece))
      }
    },
    async find(name) {
      const piece = pieceOf(name)
      if (piece < 0) return undefined
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
    const runs = before?.get(prefix)?.filter((run) => run.piece === piece)
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

/** What an earlier opening of all has shown of one piece: its directory is not walked again. */
function factsOfPiece(runs: readonly PieceRun[], prefix: string, sizeBytes: number): SourceFacts {
  const longer = Buffer.byteLength(prefix)
  const own = runs.map((run) => ({ ...run, nameBytes: run.nameBytes - longer * run.count }))
  return { sizeBytes, memberCount: own.reduce((sum, { count }) => sum + count, 0), folders: new Map([['', own]]) }
}
