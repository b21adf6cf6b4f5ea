// A request's body, up to a bound.

import type { IncomingMessage } from 'node:http'

/** CVAT's largest recorded event has 3 KB: a task or job with its names. */
const MAX_BODY_BYTES = 256 * 1024

export async function readBody(request: IncomingMessage): Promise<Buffer | 'too-large' | 'cut-short'> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return 'too-large'
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    // Left early, the connection must live on: it is to carry the answer.
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > MAX_BODY_BYTES) return 'too-large'
      pieces.push(piece)
    }
  } catch {
    return 'cut-short'
  }
  return Buffer.concat(pieces)
}
