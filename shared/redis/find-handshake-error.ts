// Why TLS with a Sentinel or a node of a Cluster fails: ioredis says only that the connection was closed.

import { connect } from 'node:tls'
import type { RedisNode } from '#shared/config/redis-address.ts'
import { type RedisAddress, secureContext, serverName } from './redis-options.ts'

const WITHIN_MS = 5_000

/** Undefined when the handshake succeeds or takes too long. */
export async function findHandshakeError({ host, port }: RedisNode, address: RedisAddress): Promise<Error | undefined> {
  const socket = connect({ host, port, ...secureContext(address), ...serverName(host) })
  try {
    return await new Promise<Error | undefined>((resolve) => {
      socket.once('secureConnect', () => resolve(undefined))
      socket.once('error', resolve)
      socket.setTimeout(WITHIN_MS, () => resolve(undefined))
    })
  } finally {
    socket.destroy()
  }
}
