// An archive as a download: a file as it lies there, or what is put together while it is sent. Both with ranges, so that a
// download that broke off goes on.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'express'
import { type ComposedArchive, openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { isOneFile, nameWhole, planWhole } from '#shared/composition/plan-whole.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { texts } from './texts.ts'
import { toldError } from './told-error.ts'

/** @throws an error for the visitor, 404, when nothing can be read; afterwards the connection ends early */
export async function sendArchive(
  archive: StoredArchive,
  req: Request,
  res: Response,
  gone: AbortSignal,
): Promise<void> {
  if (isOneFile(archive)) return sendFile(res, archive.archivePath, archive.record.archive.fileName)
  const composed = await compose(archive, gone)
  res.attachment(nameWhole(archive))
  res.set({ 'accept-ranges': 'bytes', etag: `"${archive.record.snapshot?.sha256 ?? archive.record.archive.sha256}"` })
  await sendComposed(composed, req, res)
}

async function compose(archive: StoredArchive, signal: AbortSignal): Promise<ComposedArchive> {
  try {
    return await openComposedArchive(await planWhole(archive, signal), { signal })
  } catch {
    throw toldError(404, texts.refused.unreadable)
  }
}

async function sendComposed(composed: ComposedArchive, req: Request, res: Response): Promise<void> {
  const { sizeBytes } = composed
  const { 'if-range': ifRange } = req.headers
  const ranges = ifRange === undefined || ifRange === res.get('etag') ? req.range(sizeBytes) : undefined
  if (ranges === -1) {
    res.status(416).set('content-range', `bytes */${sizeBytes}`).end()
    return
  }
  // Several at once, or one that cannot be read: the whole is a right answer, too.
  const only = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined
  const { start, end } = only ?? { start: 0, end: sizeBytes - 1 }
  if (only) res.status(206).set('content-range', `bytes ${start}-${end}/${sizeBytes}`)
  res.set('content-length', String(end - start + 1))
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  // Whoever breaks off a download does no wrong; where reading fails, the visitor sees that it is not whole.
  await pipeline(Readable.from(composed.stream({ start, end: end + 1 })), res).catch(() => undefined)
}

function sendFile(res: Response, path: string, fileName: string): Promise<void> {
  return new Promise((resolve, reject) => {
    res.download(path, fileName, { dotfiles: 'allow' }, (error) => {
      if (error && !res.headersSent) reject(toldError(404, texts.refused.unreadable))
      else resolve()
    })
  })
}
