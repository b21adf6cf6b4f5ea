// Why a file could not be opened as a zip, in words that help: a page of a proxy in place of the archive is common.

import type { FileHandle } from 'node:fs/promises'
import { BackupError } from '#shared/errors/backup-error.ts'

/** The error to throw; downloading again may help with each of them. Holds nothing of the file's content. */
export async function describeUnreadableZip(
  handle: FileHandle,
  sizeBytes: number,
  cause: unknown,
): Promise<BackupError> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0)
  const start = buffer.toString('latin1', 0, bytesRead)
  if (start.startsWith('PK')) {
    const isTruncated = cause instanceof Error && cause.message.includes('signature not found')
    return new BackupError(
      `The archive ${isTruncated ? 'ends early' : 'has a damaged directory'} (${sizeBytes} bytes)`,
      {
        code: isTruncated ? 'truncated-archive' : 'damaged-archive',
        retryable: true,
        hint: 'The download broke off or the disk lost data; downloading again usually helps.',
        cause,
      },
    )
  }
  return new BackupError(`The file is no zip: ${describeStart(start.trimStart())} (${sizeBytes} bytes)`, {
    code: 'not-a-zip',
    retryable: true,
    hint: 'Something between CVAT and this system, a proxy or a login page perhaps, answered in its place.',
    cause,
  })
}

function describeStart(start: string): string {
  if (start === '') return 'it is empty'
  if (/^<(!doctype|html|head|body|\?xml)/i.test(start)) return 'it looks like a web page'
  if (/^[[{"]/.test(start)) return 'it looks like JSON'
  return 'it begins with other bytes'
}
