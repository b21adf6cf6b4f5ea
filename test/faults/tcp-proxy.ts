// A wire that can be cut: forwards TCP connections, and on demand resets them, lets them fall silent or refuses new ones.

import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type NetConnectOpts, type Socket } from 'node:net'

/** `pass`: all goes through. `refuse`: new connections are reset. `silence`: they stay open and nothing comes. */
export type WireMode = 'pass' | 'refuse' | 'silence'

export interface ConnectionFault {
  /** Bytes of answers that still come through on this connection. */
  readonly afterBytes: number
  readonly kind: 'reset' | 'silence'
}

export interface TcpProxy {
  readonly port: number
  /** Connections that were made so far. */
  readonly connections: number
  /** Bytes that clients have sent so far. */
  readonly sentBytes: number
  /** Told after each piece that a client has sent. */
  onSent: (sentBytes: number) => void
  /** Connections that a fault of {@link faultOf} has hit so far. */
  readonly hits: number
  /** Takes that away. */
  remove(): void
  /** What happens to a new connection; undefined leaves it alone. */
  faultOf: (connection: number) => ConnectionFault | undefined
  setMode(mode: WireMode): void
  /** Resets every connection there is. */
  cutAll(): void
  close(): Promise<void>
}

export async function startTcpProxy(target: NetConnectOpts): Promise<TcpProxy> {
  const open = new Set<Socket>()
  let mode: WireMode = 'pass'
  let connections = 0
  let hits = 0
  let sentBytes = 0

  const server = createServer((near) => {
    connections++
    if (mode === 'refuse') {
      near.resetAndDestroy()
      return
    }
    const far = createConnection(target)
    const fault = proxy.faultOf(connections)
    const close = () => {
      near.resetAndDestroy()
      far.destroy()
      open.delete(near)
    }
    open.add(near)
    for (const socket of [near, far]) socket.on('error', close).on('close', close)
    near.on('data', (bytes) => {
      sentBytes += bytes.length
      // What is sent faster than it is taken must not fill the memory.
      if (mode !== 'silence' && !far.write(bytes)) {
        near.pause()
        far.once('drain', () => near.resume())
      }
      proxy.onSent(sentBytes)
    })
    let answered = 0
    far.on('data', (bytes) => {
      if (mode === 'silence') return
      const room = fault ? fault.afterBytes - answered : bytes.length
      answered += bytes.length
      if (room > 0) near.write(bytes.subarray(0, room))
      if (!fault || answered < fault.afterBytes) return
      if (room > 0) hits++
      if (fault.kind === 'reset') close()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const cutAll = () => {
    for (const near of open) near.resetAndDestroy()
  }
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections
    },
    get hits() {
      return hits
    },
    get sentBytes() {
      return sentBytes
    },
    onSent: () => undefined,
    faultOf: () => undefined,
    remove() {
      proxy.faultOf = () => undefined
    },
    setMode(next) {
      mode = next
    },
    cutAll,
    async close() {
      server.close()
      cutAll()
      await once(server, 'close')
    },
  }
  return proxy
}
