// ioredis' Cluster, with commands and workers that outlast the time when no node can be reached.

import { Cluster, type ClusterNode, type ClusterOptions } from 'ioredis'

type ErrorHandlers = Parameters<Cluster['handleError']>[2]

const CONNECTION_CLOSED = 'Connection is closed.'
const LOOK_AGAIN_MS = 100

/**
 * A command whose connection breaks off is sent again by ioredis as long as it takes itself for connected. What is under way
 * when the last node goes is failed instead, and a run that only waits would end with it. Here that waits too, until the
 * client is closed.
 */
export class LastingCluster extends Cluster {
  readonly #nodes: ClusterNode[]
  /** From the call that closes it until it is connected anew: BullMQ gives up a command by closing its client. */
  #isClosed = false
  /** One for however many tries, so that nothing grows during a long outage. */
  #connected: Promise<void> | undefined

  constructor(nodes: ClusterNode[], options: ClusterOptions) {
    super(nodes, options)
    this.#nodes = nodes
    this.on('ready', () => {
      this.#isClosed = false
    })
  }

  /**
   * Settles in any case. That of ioredis does not when the nodes are reached but serve not all slots yet, as in the middle of
   * a fail-over; a worker of BullMQ that waits for it would take no job ever again.
   */
  override connect(): Promise<void> {
    const attempt = super.connect()
    this.#connected ??= this.#untilReady()
    return Promise.race([attempt, this.#connected])
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isClosed = true
    super.disconnect(reconnect)
  }

  override quit(callback?: Parameters<Cluster['quit']>[0]): Promise<'OK'> {
    this.#isClosed = true
    return super.quit(callback)
  }

  override handleError(error: Error, ttl: Parameters<Cluster['handleError']>[1], handlers: ErrorHandlers): void {
    if (error.message !== CONNECTION_CLOSED || this.status === 'ready' || this.#isClosed) {
      super.handleError(error, ttl, handlers)
      return
    }
    // Sent as soon as there is a node again; refused by ioredis if the client has ended meanwhile.
    setTimeout(() => handlers.connectionClosed(), LOOK_AGAIN_MS)
  }

  override duplicate(nodes: ClusterNode[] = [], options: ClusterOptions = {}): LastingCluster {
    return new LastingCluster(nodes.length > 0 ? nodes : this.#nodes, { ...this.options, ...options })
  }

  #untilReady(): Promise<void> {
    const settled = new Promise<void>((resolve, reject) => {
      const onReady = () => {
        this.off('end', onEnd)
        this.#connected = undefined
        resolve()
      }
      const onEnd = () => {
        this.off('ready', onReady)
        this.#connected = undefined
        reject(new Error(CONNECTION_CLOSED))
      }
      this.once('ready', onReady).once('end', onEnd)
    })
    settled.catch(() => undefined)
    return settled
  }
}
