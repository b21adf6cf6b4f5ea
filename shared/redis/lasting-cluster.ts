// ioredis' Cluster, with commands that outlast the time when no node can be reached.

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

  constructor(nodes: ClusterNode[], options: ClusterOptions) {
    super(nodes, options)
    this.#nodes = nodes
  }

  override handleError(error: Error, ttl: Parameters<Cluster['handleError']>[1], handlers: ErrorHandlers): void {
    if (error.message !== CONNECTION_CLOSED || this.status === 'ready' || this.status === 'end') {
      super.handleError(error, ttl, handlers)
      return
    }
    // Sent as soon as there is a node again; refused by ioredis if the client was closed meanwhile.
    setTimeout(() => handlers.connectionClosed(), LOOK_AGAIN_MS)
  }

  override duplicate(nodes: ClusterNode[] = [], options: ClusterOptions = {}): LastingCluster {
    return new LastingCluster(nodes.length > 0 ? nodes : this.#nodes, { ...this.options, ...options })
  }
}
