// Brings a finished export's bytes into a partial file. After a broken connection, or after this process was killed, it
// goes on where it was, as long as the server says that it is still the same file; otherwise it begins again.

import { createHash, type Hash } from 'node:crypto'
import type { CvatClient, Download } from '#shared/cvat/client.ts'
import { asDownloadError } from '#shared/cvat/network-error.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { PartialFile, PartialOrigin } from '#shared/store/partial-file.ts'
import { openBufferedWriter } from './buffered-writer.ts'
import type { DiskRoom } from './disk-room.ts'

export interface FetchDeps {
  readonly cvat: Pick<CvatClient, 'openDownload'>
  readonly store: Pick<Store, 'createPartial' | 'takePartial'>
  readonly room: Pick<DiskRoom, 'promise'>
  /** `chunkBytes` came in just now, `receivedBytes` are in the file. */
  readonly onProgress: (receivedBytes: number, totalBytes: number | undefined, chunkBytes: number) => void
}

export interface WantedFile {
  readonly backupId: string
  readonly resultUrl: string
  /** When the export was asked for: what an earlier handler has left of another export is not continued. */
  readonly askedAt: string
}

export interface FetchedFile {
  /** Finished; the caller commits or discards it. */
  readonly partial: PartialFile
  readonly sizeBytes: number
  /** Of the bytes as they came in, to be compared with what is read back from the disk. */
  readonly sha256: string
}

/** Connections that may break in a row without bringing the file on. */
const MAX_FRUITLESS = 3
/** Less than this from one connection is not progress: a server that breaks off at once, every time, has to end it. */
const PROGRESS_BYTES = 64 * 1024

/**
 * Resolves when as many bytes are written as the server announced. When it throws, what may be continued stays: after an
 * abort and after faults that pass. A full disk gets the room back at once, since others may need it to come to an end.
 *
 * @throws BackupError `body-cut-short` when the body ended early with a clean end, `disk-full`, and everything that the
 * client and the store throw
 */
export async function fetchFile(wanted: WantedFile, deps: FetchDeps, signal: AbortSignal): Promise<FetchedFile> {
  const progress = await takeUp(wanted, deps, signal)
  try {
    await fetchAll(wanted, progress, deps, signal)
    const { partial } = progress
    if (!partial) throw new TypeError('Nothing was received')
    await partial.finish()
    return { partial, sizeBytes: partial.sizeBytes, sha256: progress.hash.digest('hex') }
  } catch (error) {
    await (mayBeContinued(error, progress.partial, signal) ? progress.partial?.[Symbol.asyncDispose]() : drop(progress))
    throw error
  }
}

/** Where the download stands. */
interface Progress {
  partial: PartialFile | undefined
  /** Of everything in the partial file. */
  hash: Hash
}

/** What a killed or stopped handler has left; its bytes go through the hash once more, since its state died with it. */
async function takeUp(wanted: WantedFile, { store }: FetchDeps, signal: AbortSignal): Promise<Progress> {
  const partial = await store.takePartial(wanted)
  const hash = createHash('sha256')
  if (!partial) return { partial, hash }
  try {
    for await (const chunk of partial.readBack()) {
      signal.throwIfAborted()
      hash.update(chunk)
    }
    return { partial, hash }
  } catch (error) {
    await (signal.aborted ? partial[Symbol.asyncDispose]() : partial.discard().catch(() => undefined))
    throw error
  }
}

async function fetchAll(wanted: WantedFile, progress: Progress, deps: FetchDeps, signal: AbortSignal): Promise<void> {
  for (let fruitless = 0; ; ) {
    const { partial } = progress
    if (partial?.origin && partial.sizeBytes === partial.origin.totalBytes) return
    const before = partial?.sizeBytes ?? 0
    try {
      await fetchOnce(wanted, progress, deps, signal)
      return
    } catch (error) {
      signal.throwIfAborted()
      const fault = error instanceof BackupError ? error : asDownloadError(error)
      const isRefused = fault.code === 'range-not-satisfiable'
      if (isRefused || !progress.partial?.origin) await drop(progress)
      fruitless = (progress.partial?.sizeBytes ?? 0) >= before + PROGRESS_BYTES ? 0 : fruitless + 1
      if (!(fault.retryable || isRefused) || fault.code === 'disk-full' || fruitless >= MAX_FRUITLESS) throw fault
    }
  }
}

/** One connection, from the first missing byte, or from the beginning when the server has another file by now. */
async function fetchOnce(wanted: WantedFile, progress: Progress, deps: FetchDeps, signal: AbortSignal): Promise<void> {
  const { origin, sizeBytes = 0 } = progress.partial ?? {}
  const options = origin && sizeBytes > 0 ? { offset: sizeBytes, ifRange: origin.etag } : {}
  const download = await deps.cvat.openDownload(wanted.resultUrl, options, signal)
  try {
    if (!continues(download, progress.partial)) {
      await drop(progress)
      if (download.offset > 0) throw contradiction()
    }
    const received = progress.partial?.sizeBytes ?? 0
    using promised = await deps.room.promise(
      download.totalBytes === undefined ? undefined : download.totalBytes - received,
    )
    progress.partial ??= await deps.store.createPartial(wanted.backupId, describeOrigin(download, wanted.askedAt))
    const { partial, hash } = progress
    // Whatever ends it: the hash is of exactly what is in the file.
    const note = (bytes: Buffer) => {
      hash.update(bytes)
      deps.onProgress(partial.sizeBytes, download.totalBytes, bytes.length)
    }
    const writer = openBufferedWriter(partial, note, signal)
    let counted = partial.sizeBytes
    try {
      for await (const chunk of download.body as AsyncIterable<Buffer>) {
        signal.throwIfAborted()
        await writer.take(chunk)
        const written = partial.sizeBytes
        await promised.advance(written - counted)
        counted = written
      }
    } catch (error) {
      // What came before the connection broke counts; a fault of the disk is the one that is told.
      await writer.flush()
      throw error
    }
    await writer.flush()
    signal.throwIfAborted()
    assertWhole(download, partial)
  } finally {
    download.body.destroy()
  }
}

/** Whether the body goes on exactly where the partial file ends, with the same file. */
function continues(download: Download, partial: PartialFile | undefined): boolean {
  if (!partial?.origin || download.offset !== partial.sizeBytes || download.status !== 206) return false
  const { etag, totalBytes } = partial.origin
  return (download.etag ?? etag) === etag && (download.totalBytes ?? totalBytes) === totalBytes
}

function assertWhole({ totalBytes }: Download, { sizeBytes }: PartialFile): void {
  if (totalBytes === undefined || sizeBytes === totalBytes) return
  throw new BackupError(`the file ended after ${sizeBytes} of ${totalBytes} bytes`, {
    code: 'body-cut-short',
    retryable: true,
  })
}

/** Undefined without ranges, or with a weak ETag, which does not promise equal bytes: then only the whole file will do. */
function describeOrigin({ acceptsRanges, etag, totalBytes }: Download, askedAt: string): PartialOrigin | undefined {
  if (!acceptsRanges || totalBytes === undefined || !etag || !/^".*"$/.test(etag)) return undefined
  return { askedAt, etag, totalBytes }
}

/** Bytes of another file never go into this one: what begins again gets a new file. */
async function drop(progress: Progress): Promise<void> {
  const { partial } = progress
  progress.partial = undefined
  progress.hash = createHash('sha256')
  // A file that cannot be removed is cleaned up later, and must not hide the fault that is being handled.
  await partial?.discard().catch(() => undefined)
}

function mayBeContinued(error: unknown, partial: PartialFile | undefined, signal: AbortSignal): boolean {
  if (!partial?.origin || partial.sizeBytes === 0) return false
  return signal.aborted || (error instanceof BackupError && error.retryable && error.code !== 'disk-full')
}

function contradiction(): BackupError {
  return new BackupError('the server went on with another file than it was asked for', {
    code: 'unexpected-answer',
    retryable: true,
  })
}
