// A download in progress. A file holds the bytes of one file of the server and of no other, each at its own place: what
// it has once been given is never overwritten by something else, and it is never cut. So somebody who takes it over need
// not fear a process that still has it open (paused, cut off, believed dead): all that one can write is the same bytes.

import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { type FileOperations, findFileSize, unlinkIfExists } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { readJsonIfThere } from './read-json.ts'
import { toStoreError, withStoreErrors } from './store-errors.ts'
import { syncFile } from './sync-to-disk.ts'

const originSchema = z.object({
  formatVersion: z.literal(1),
  /** Our clock, ISO 8601 UTC: when the export was asked for. A later export is another file. */
  askedAt: z.iso.datetime(),
  /** Strong: the server promises that whatever has this ETag has the same bytes. */
  etag: z.string().regex(/^".*"$/),
  totalBytes: z.int().nonnegative(),
})

/** Which file of the server a partial file's bytes are of. */
export type PartialOrigin = Omit<z.infer<typeof originSchema>, 'formatVersion'>

/** Closed by finish, discard or disposal; the file stays until discard, discardPartials or a commit. */
export interface PartialFile extends AsyncDisposable {
  readonly backupId: string
  readonly path: string
  /**
   * Undefined: a later handler cannot go on with it. So it becomes when a write or an fsync has failed: the kernel tells of
   * lost pages once, then shows them as written, so what is read back later proves nothing.
   */
  readonly origin: PartialOrigin | undefined
  /** Bytes written so far: where a resumed download goes on. */
  readonly sizeBytes: number
  /** Appends the whole chunk. One call at a time. */
  write(chunk: Uint8Array): Promise<void>
  /** The bytes so far as the disk gives them back; each chunk is good until the next is asked for. */
  readBack(): AsyncGenerator<Buffer>
  /** Brings the bytes to the disk and closes the file: nothing may be verified before. */
  finish(): Promise<void>
  /** Closes and removes the file. */
  discard(): Promise<void>
}

const READ_BYTES = 1024 * 1024

/**
 * Creates an empty partial file. The folder is there since checkDirectory; a missing one means a lost mount. The origin
 * is written first: bytes are never beside another file's origin.
 */
export async function createPartial(
  files: FileOperations,
  layout: Layout,
  backupId: string,
  origin?: PartialOrigin,
): Promise<PartialFile> {
  const path = layout.newPartial(backupId)
  return withStoreErrors(`Creating the partial file ${path}`, async () => {
    if (origin) await writeOrigin(files, layout, path, origin)
    const handle = await files.open(path, 'wx+', 0o644)
    return describePartial({ files, layout, handle, backupId, path, origin }, 0)
  })
}

/**
 * Takes over what an earlier handler of the same backup has left of the same export; undefined when nothing can be used.
 * Renaming settles who has it, and keeps the earlier handler from removing or storing it should it still be alive.
 * For the backup's own handler only.
 */
export async function continuePartial(
  files: FileOperations,
  layout: Layout,
  candidate: { readonly backupId: string; readonly path: string; readonly askedAt: string },
): Promise<PartialFile | undefined> {
  const { backupId, path: oldPath, askedAt } = candidate
  const origin = await readOrigin(files, layout, oldPath)
  const leftBytes = await findFileSize(files, oldPath)
  if (!origin || origin.askedAt !== askedAt || !leftBytes || leftBytes > origin.totalBytes) return undefined
  const path = layout.newPartial(backupId)
  let handle: FileHandle | undefined
  try {
    // In this order a crash leaves a file that can be continued, or an origin alone, which is removed.
    await writeOrigin(files, layout, path, origin)
    await files.rename(oldPath, path)
    await unlinkIfExists(files, layout.partialOrigin(oldPath))
    handle = await files.open(path, 'r+')
    const { size } = await handle.stat()
    if (size <= origin.totalBytes) return describePartial({ files, layout, handle, backupId, path, origin }, size)
  } catch {
    // Somebody else was faster, or the file system does not rename what is open elsewhere: a fresh download tells which
    // faults stay.
  }
  await handle?.close().catch(() => undefined)
  return undefined
}

interface PartialState {
  readonly files: FileOperations
  readonly layout: Layout
  readonly handle: FileHandle
  readonly backupId: string
  readonly path: string
  readonly origin: PartialOrigin | undefined
}

function describePartial(state: PartialState, alreadyThere: number): PartialFile {
  const { files, layout, handle, backupId, path } = state
  let { origin } = state
  let sizeBytes = alreadyThere
  let isOpen = true
  const writing = `Writing the partial file ${path}`

  async function close(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    // NFS reports a full disk here.
    await handle.close()
  }

  return {
    backupId,
    path,
    get origin() {
      return origin
    },
    get sizeBytes() {
      return sizeBytes
    },
    async write(chunk) {
      let offset = 0
      try {
        while (offset < chunk.byteLength) {
          const { bytesWritten } = await handle.write(chunk, offset, chunk.byteLength - offset, sizeBytes)
          offset += bytesWritten
          sizeBytes += bytesWritten
        }
      } catch (error) {
        origin = undefined
        throw toStoreError(error, writing)
      }
    },
    async *readBack() {
      const buffer = Buffer.allocUnsafe(READ_BYTES)
      for (let position = 0; position < sizeBytes; ) {
        const length = Math.min(buffer.length, sizeBytes - position)
        const { bytesRead } = await withStoreErrors(`Reading the partial file ${path}`, () =>
          handle.read(buffer, 0, length, position),
        )
        if (bytesRead === 0) return
        position += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    },
    async finish() {
      try {
        await syncFile(handle)
        await close()
      } catch (error) {
        origin = undefined
        throw toStoreError(error, writing)
      }
    },
    async discard() {
      await close().catch(() => undefined)
      await withStoreErrors(`Removing the partial file ${path}`, async () => {
        // In this order: a file that cannot be removed is at least not gone on with.
        if (state.origin) await unlinkIfExists(files, layout.partialOrigin(path))
        await unlinkIfExists(files, path)
      })
    },
    async [Symbol.asyncDispose]() {
      await close().catch(() => undefined)
    },
  }
}

/** Neither atomic nor brought to the disk: one that is torn or missing only means that the download begins again. */
async function writeOrigin(files: FileOperations, layout: Layout, path: string, origin: PartialOrigin): Promise<void> {
  const handle = await files.open(layout.partialOrigin(path), 'wx', 0o644)
  try {
    await handle.writeFile(`${JSON.stringify({ formatVersion: 1, ...origin })}\n`)
  } finally {
    await handle.close()
  }
}

async function readOrigin(files: FileOperations, layout: Layout, path: string): Promise<PartialOrigin | undefined> {
  return withStoreErrors('Reading what a partial file is of', async () => {
    return originSchema.safeParse(await readJsonIfThere(files, layout.partialOrigin(path))).data
  })
}
