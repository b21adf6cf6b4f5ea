// Puts an answer on the wire: headers as CVAT's layers set them, bodies piece by piece, and the faults of the connection.

import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Answer, bodySize } from './answers.ts'
import type { BodyFault } from './faults.ts'

export interface Delivery {
  readonly method: string
  readonly acceptEncoding: string | undefined
  readonly allow: string | undefined
  readonly isUncached: boolean
  readonly nowMs: number
  readonly faults: readonly BodyFault[]
  readonly onBytes: (count: number) => void
  /** Waits until so many bytes may be sent; limits all downloads together. */
  readonly pace: (bytes: number) => Promise<void>
}

/** Below this Django's compression leaves an answer as it is. */
const compressedFromBytes = 200
const pieceBytes = 64 * 1024

/** Resolves when everything is sent, or when the client or a fault has ended it early. */
export async function sendAnswer(response: ServerResponse, given: Answer, delivery: Delivery): Promise<void> {
  const answer = compress(given, delivery)
  const size = bodySize(answer)
  response.statusCode = answer.status
  response.setHeader('Server', 'nginx')
  if (answer.contentType !== null) response.setHeader('Content-Type', answer.contentType)
  for (const [name, value] of Object.entries(commonHeaders(answer, given, delivery))) response.setHeader(name, value)
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value as string)
  const isChunked = delivery.faults.some((fault) => fault.kind === 'cut' && fault.framing === 'chunked')
  if (answer.status !== 304 && answer.status !== 204 && !isChunked) response.setHeader('Content-Length', size)
  if (delivery.method === 'HEAD' || size === 0) {
    response.end()
    return
  }
  response.strictContentLength = false
  await sendBody(response, answer, delivery)
}

async function sendBody(response: ServerResponse, answer: Answer, delivery: Delivery): Promise<void> {
  const breakAt = delivery.faults.find((fault) => fault.kind !== 'drip')
  const drip = delivery.faults.find((fault) => fault.kind === 'drip')
  const limit = Math.min(bodySize(answer), breakAt?.afterBytes ?? Number.POSITIVE_INFINITY)
  response.flushHeaders()
  let sent = 0
  for (const piece of pieces(answer, limit, drip ? Math.max(1, Math.ceil(drip.bytesPerSecond / 20)) : pieceBytes)) {
    if (response.destroyed) return
    await (drip ? sleep((piece.length / drip.bytesPerSecond) * 1000) : delivery.pace(piece.length))
    await write(response, piece)
    sent += piece.length
    delivery.onBytes(piece.length)
  }
  if (!breakAt || sent < breakAt.afterBytes) {
    response.end()
    return
  }
  await breakConnection(response, breakAt)
}

async function breakConnection(response: ServerResponse, fault: Exclude<BodyFault, { kind: 'drip' }>): Promise<void> {
  if (fault.kind === 'stall') {
    if (!response.destroyed) await new Promise<void>((resolve) => response.once('close', resolve))
    return
  }
  if (fault.kind === 'cut' && fault.framing === 'chunked') {
    response.end()
    return
  }
  await untilRead(response.socket)
  if (fault.kind === 'reset') response.socket?.resetAndDestroy()
  else response.socket?.end()
}

/** A reset throws away what the client has not read yet: waits until its socket holds nothing, as /proc tells, or ten seconds. */
async function untilRead(socket: Socket | null): Promise<void> {
  const toHex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0')
  const client = new RegExp(`:${toHex(socket?.remotePort)} \\w+:${toHex(socket?.localPort)} \\w+ \\w+:(\\w+)`)
  for (let looks = 0; looks < 500; looks++) {
    await sleep(20)
    const unread = client.exec(await readFile('/proc/net/tcp', 'utf8').catch(() => ''))?.[1]
    if (unread === undefined || Number(`0x${unread}`) === 0) return
  }
}

function* pieces(answer: Answer, limit: number, largest: number): Generator<Buffer> {
  const { body } = answer
  const whole = 'layout' in body ? body.layout.read(body.start, body.end) : [body]
  let left = limit
  for (const piece of whole) {
    for (let start = 0; start < piece.length && left > 0; start += largest) {
      const part = piece.subarray(start, Math.min(start + largest, start + left, piece.length))
      left -= part.length
      yield part
    }
    if (left <= 0) return
  }
}

/** Resolves when the socket wants more, or is gone. */
async function write(response: ServerResponse, piece: Buffer): Promise<void> {
  if (response.write(piece) || response.destroyed) return
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function commonHeaders(answer: Answer, given: Answer, delivery: Delivery): Record<string, string> {
  if (answer.origin === 'nginx') return {}
  if (answer.origin === 'page') return { Vary: 'Origin, Cookie' }
  const isLong = bodySize(given) >= compressedFromBytes
  return {
    Vary: isLong ? 'Accept, Accept-Encoding, Origin, Cookie' : 'Accept, Origin, Cookie',
    ...(delivery.allow !== undefined && { Allow: delivery.allow }),
    ...(delivery.isUncached && {
      Expires: new Date(delivery.nowMs).toUTCString(),
      'Cache-Control': 'max-age=0, no-cache, no-store, must-revalidate, private',
    }),
  }
}

function compress(answer: Answer, delivery: Delivery): Answer {
  if (answer.origin !== 'api' || !(answer.body instanceof Buffer) || answer.body.length < compressedFromBytes) {
    return answer
  }
  if (!/\bgzip\b/.test(delivery.acceptEncoding ?? '')) return answer
  return { ...answer, body: gzipSync(answer.body), headers: { ...answer.headers, 'content-encoding': 'gzip' } }
}
