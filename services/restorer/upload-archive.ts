// Brings the bytes of a composed archive to the target, in parts, from wherever an earlier attempt has come to.

import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ComposedArchive } from '#shared/composition/open-composed-archive.ts'
import type { UploadCalls, UploadPurpose } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'

export interface UploadJob {
  readonly purpose: UploadPurpose
  readonly fileName: string
  readonly archive: Pick<ComposedArchive, 'sizeBytes' | 'stream'>
  /** The upload that an earlier attempt has begun with these very bytes. */
  readonly uploadName: string | undefined
  /** Kept by the caller before the first byte is sent. */
  readonly onCreated: (uploadName: string) => Promise<void>
  readonly onProgress: (sentBytes: number) => void
  /** At most so many bytes in one request; proxies have limits (1 GB in front of CVAT). */
  readonly chunkBytes: number
}

/** Faults in a row, without a byte gained, after which it is given up. */
const MOST_FAULTS = 8
const LONGEST_PAUSE_MS = 15_000
/** Below this a request is all overhead. */
const SMALLEST_CHUNK_BYTES = 1024 * 1024
/** A connection that breaks, or a server that is away for a moment: what has arrived is asked, and sending goes on. */
const PASSING = new Set(['unreachable', 'timeout', 'server-error', 'throttled', 'wrong-offset'])

/**
 * Gives the name of an upload of which all bytes are there. Bytes that a broken connection lost are sent again, at most a
 * chunk each time. CVAT forgets the address of an upload once it is whole, as it forgets one that has expired: where the
 * last answer was lost the two cannot be told apart, and the name is given all the same. Finishing it tells
 * (`upload-gone`).
 *
 * @throws BackupError of the last fault, when nothing was gained any more; `too-large`
 */
export async function uploadArchive(job: UploadJob, uploads: UploadCalls, signal: AbortSignal): Promise<string> {
  const { purpose, archive } = job
  let { uploadName } = job
  let chunkBytes = job.chunkBytes
  let offset: number | undefined
  let faults = 0
  let begun = 0
  let furthest = 0
  // Of an earlier attempt nobody knows how much it had sent.
  let mayBeWhole = true
  for (;;) {
    try {
      if (uploadName !== undefined && offset === undefined) {
        const state = await uploads.read(purpose, uploadName, signal)
        if (!state && mayBeWhole) return uploadName
        if (state?.sizeBytes === archive.sizeBytes) offset = state.offset
        else uploadName = undefined
      }
      if (uploadName === undefined) {
        if (++begun > MOST_FAULTS) throw forgetful()
        uploadName = await uploads.create(purpose, { name: job.fileName, sizeBytes: archive.sizeBytes }, signal)
        await job.onCreated(uploadName)
        offset = 0
        furthest = 0
      }
      if (offset !== undefined && offset > furthest) {
        furthest = offset
        faults = 0
      }
      if (offset === archive.sizeBytes) return uploadName
      const start: number = offset ?? 0
      const end = Math.min(start + chunkBytes, archive.sizeBytes)
      const chunk = { offset: start, sizeBytes: end - start, open: () => Readable.from(archive.stream({ start, end })) }
      mayBeWhole = end === archive.sizeBytes
      offset = await uploads.send(purpose, uploadName, chunk, signal)
      job.onProgress(offset)
    } catch (error) {
      signal.throwIfAborted()
      offset = undefined
      if (isTooLarge(error) && chunkBytes > SMALLEST_CHUNK_BYTES && uploadName !== undefined) {
        chunkBytes = Math.max(SMALLEST_CHUNK_BYTES, Math.floor(chunkBytes / 4))
        continue
      }
      if (error instanceof BackupError && error.code === 'upload-gone') {
        uploadName = undefined
        continue
      }
      if (!(error instanceof BackupError) || !PASSING.has(error.code) || ++faults > MOST_FAULTS) throw error
      const pauseMs = Math.random() * Math.min(250 * 2 ** faults, LONGEST_PAUSE_MS)
      await sleep(pauseMs + (error.retryAfterMs ?? 0), undefined, { signal })
    }
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof BackupError && error.code === 'too-large'
}

function forgetful(): BackupError {
  return new BackupError('The server has forgotten the upload again and again', {
    code: 'upload-gone',
    retryable: true,
    hint: 'Look at the disk and the clean-up of temporary files of the CVAT server.',
  })
}
