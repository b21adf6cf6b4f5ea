// The document in an annotation export, cut down to one task: as a stream that can begin anywhere, for an upload in parts.

import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { FoundExport } from './find-export.ts'
import { type DocumentSummary, openTaskPart, type TaskPartEvents } from './take-task.ts'

export interface TaskDocument extends DocumentSummary {
  readonly sizeBytes: number
  stream(range: { readonly start: number; readonly end: number }): AsyncGenerator<Buffer>
}

export interface DocumentReading {
  /** Makes, for one reading, what tells the names under which the pictures are to stand in it. */
  readonly openNames: () => NonNullable<TaskPartEvents['rename']>
  /** Told of each picture of the task, in the first reading. */
  readonly onImage: NonNullable<TaskPartEvents['onImage']>
}

/** Reads it once from end to end. */
export async function openDocument(
  found: FoundExport,
  { openNames, onImage }: DocumentReading,
  signal: AbortSignal,
): Promise<TaskDocument> {
  let sizeBytes = 0
  const part = openTaskPart(found.taskId, {
    rename: openNames(),
    onImage,
    onText: (text) => {
      sizeBytes += Buffer.byteLength(text)
    },
  })
  await readDocument(found, signal, (chunk) => part.push(chunk))
  part.end()
  return { ...part.summary(), sizeBytes, stream: (range) => streamPart(found, openNames(), range, signal) }
}

async function readDocument(
  { archive }: FoundExport,
  signal: AbortSignal,
  push: (chunk: Buffer) => void | Promise<void>,
): Promise<void> {
  await using source = await openSourceArchive(archive.archivePath, { signal })
  const member = await source.find('annotations.xml')
  if (!member) {
    throw new BackupError(`${archive.record.archive.fileName} holds no annotations.xml`, {
      code: 'bad-document',
      retryable: false,
    })
  }
  await source.readContent(member, push)
}

async function* streamPart(
  found: FoundExport,
  rename: NonNullable<TaskPartEvents['rename']>,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const pipe = new PassThrough()
  const stopping = new AbortController()
  const both = AbortSignal.any([signal, stopping.signal])
  let at = 0
  let pending: string[] = []
  const part = openTaskPart(found.taskId, { rename, onText: (text) => void pending.push(text) })
  const hand = async () => {
    const bytes = Buffer.from(pending.join(''))
    pending = []
    const wanted = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at))
    at += bytes.length
    if (wanted.length > 0 && !pipe.write(wanted)) await once(pipe, 'drain', { signal: both })
  }
  const produce = async () => {
    await readDocument(found, both, async (chunk) => {
      if (at >= end) return
      part.push(chunk)
      await hand()
    })
    if (at < end) part.end()
    await hand()
    pipe.end()
  }
  const produced = produce().catch((error) => {
    if (!stopping.signal.aborted) pipe.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    for await (const chunk of pipe) yield chunk as Buffer
  } finally {
    stopping.abort(new Error('nobody reads on'))
    pipe.destroy()
    await produced
  }
}
