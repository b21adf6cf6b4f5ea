// SHA-256 of a file as it can be read back, in bounded memory.

import { createHash } from 'node:crypto'
import type { FileOperations } from './file-operations.ts'

const CHUNK_BYTES = 1024 * 1024

/** Hex digits of the file's SHA-256. */
export async function hashFile(files: FileOperations, path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  const handle = await files.open(path, 'r')
  try {
    for (let position = 0; ; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
  } finally {
    await handle.close()
  }
}
