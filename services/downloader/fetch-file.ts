// Brings a finished export's bytes into a partial file. After a broken connection it goes on where it was, as long as
// the server says that it is still the same file; otherwise it begins again.

import { createHash, type Hash } from 'node:crypto'
import type { CvatClient, Download } from '#shared/cvat/client.ts'
import { asDownloadError } from '#shared/cvat/network-error.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { PartialFile } from '#shared/store/partial-file.ts'

export interface FetchDeps {
  readonly cvat: Pick<CvatClient, 'openDownload'>
  readonly onProgress: (receivedBytes: number, totalBytes: number | undefined) => void
}

export interface FetchedFile {
  readonly sizeBytes: number
  /** Of the bytes as they came in, to be compared with what is read back from the disk. */
  readonly sha256: string
}

/** Connections that may break in a row without a single new byte. */
const MAX_FRUITLESS = 3

/**
 * Resolves when as many bytes are written as the server announced.
 *
 * @throws BackupError `body-cut-short` when the body ended early with a clean end, and everything that the client throws
 */
export async function fetchFile(
  resultUrl: string,
  partial: PartialFile,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<FetchedFile> {
  let hash = createHash('sha256')
  let validator: string | undefined
  for (let fruitless = 0; ; ) {
    const before = partial.sizeBytes
    try {
      const options = validator !== undefined && before > 0 ? { offset: before, ifRange: validator } : {}
      const download = await deps.cvat.openDownload(resultUrl, options, signal)
      if (download.offset === 0 && partial.sizeBytes > 0) {
        await partial.truncate(0)
        hash = createHash('sha256')
      }
      validator = download.acceptsRanges ? strongValidator(download) : undefined
      await receive(download, partial, hash, deps, signal)
      return { sizeBytes: partial.sizeBytes, sha256: hash.digest('hex') }
    } catch (error) {
      signal.throwIfAborted()
      const fault = error instanceof BackupError ? error : asDownloadError(error)
      fruitless = partial.sizeBytes > before ? 0 : fruitless + 1
      if (!fault.retryable || fruitless >= MAX_FRUITLESS) throw fault
      if (validator === undefined) {
        await partial.truncate(0)
        hash = createHash('sha256')
      }
    }
  }
}

async function receive(
  download: Download,
  partial: PartialFile,
  hash: Hash,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of download.body as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    await partial.write(chunk)
    hash.update(chunk)
    deps.onProgress(partial.sizeBytes, download.totalBytes)
  }
  if (download.totalBytes === undefined || partial.sizeBytes === download.totalBytes) return
  throw new BackupError(`the file ended after ${partial.sizeBytes} of ${download.totalBytes} bytes`, {
    code: 'body-cut-short',
    retryable: true,
  })
}

/** A weak ETag does not promise equal bytes, so it cannot be continued by. */
function strongValidator(download: Download): string | undefined {
  return download.etag?.startsWith('"') ? download.etag : undefined
}
