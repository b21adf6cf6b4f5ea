// Writes a download while more of it comes in: what has come is gathered, and written in one go as soon as the write before
// is done. So nothing waits longer than for that, and a quick server costs one write for many packets instead of one a packet.

import type { PartialFile } from '#shared/store/partial-file.ts'

/** One that is written, one that is filled. */
const BUFFER_BYTES = 512 * 1024

export interface BufferedWriter {
  /**
   * Takes a copy of the chunk; waits where the disk is slower than the server. @throws what a write before has thrown, and
   * the signal's reason
   */
  take(chunk: Buffer): Promise<void>
  /** Resolves when everything that was taken is written, or forgotten. @throws what a write has thrown */
  flush(): Promise<void>
}

/**
 * `onWritten` sees the bytes right after they were written, in order; they are valid only during the call. After an abort
 * no further write is begun, and what was not written is forgotten.
 */
export function openBufferedWriter(
  file: Pick<PartialFile, 'write'>,
  onWritten: (bytes: Buffer) => void,
  signal: AbortSignal,
): BufferedWriter {
  let filling = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  let spare = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  let filledBytes = 0
  let fault: { readonly error: unknown } | undefined
  let isWriting = false
  /** Resolves when what was filled is being written, or nothing can be any more. */
  let room = Promise.withResolvers<void>()
  let written = Promise.resolve()

  function makeRoom(): void {
    room.resolve()
    room = Promise.withResolvers<void>()
  }

  /** Until nothing is left to write. */
  async function writeAll(): Promise<void> {
    isWriting = true
    try {
      while (filledBytes > 0 && !signal.aborted) {
        const bytes = filling.subarray(0, filledBytes)
        ;[filling, spare] = [spare, filling]
        filledBytes = 0
        makeRoom()
        await file.write(bytes)
        onWritten(bytes)
      }
    } catch (error) {
      fault = { error }
    } finally {
      isWriting = false
      makeRoom()
    }
  }

  function throwFault(): void {
    if (fault) throw fault.error
  }

  return {
    async take(chunk) {
      for (let from = 0; from < chunk.length; ) {
        while (filledBytes === BUFFER_BYTES && isWriting) await room.promise
        throwFault()
        signal.throwIfAborted()
        const copied = chunk.copy(filling, filledBytes, from)
        from += copied
        filledBytes += copied
        if (!isWriting) written = writeAll()
      }
    },
    async flush() {
      await written
      throwFault()
    },
  }
}
