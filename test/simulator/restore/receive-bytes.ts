// The body of an upload as it comes in: at the pace of all uploads together, and cut off where a fault says so.

import type { Call, Server } from '../call.ts'
import { Pace } from '../pace.ts'

const paces = new WeakMap<Server, Pace>()

/** Ends with an error when the connection breaks, on purpose or not: what was given out until then has come. */
export async function* receiveBytes(call: Call, server: Server): AsyncGenerator<Buffer> {
  const pace = paces.get(server) ?? new Pace()
  paces.set(server, pace)
  let left = call.uploadFault?.afterBytes ?? Number.POSITIVE_INFINITY
  for await (const piece of call.bytes as AsyncIterable<Buffer>) {
    await pace.wait(piece.length, server.capacity.uploadBandwidthBytesPerSecond)
    if (left > 0) yield left < piece.length ? piece.subarray(0, left) : piece
    left -= piece.length
    if (left <= 0) break
  }
  if (call.uploadFault && left <= 0) {
    call.bytes.socket.resetAndDestroy()
    throw new Error('The connection was cut off')
  }
}
