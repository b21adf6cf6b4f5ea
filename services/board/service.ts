// The board: what people see of jobs in a browser, and where they retry them.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { BackupError } from '#shared/errors/backup-error.ts'
import { allQueues } from '#shared/queues/all-queues.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import type { Service } from '#shared/service/service.ts'
import { type BoardLimits, defaultLimits } from './board-limits.ts'
import { openBoardSecret } from './board-secret.ts'
import { chooseHost } from './choose-host.ts'
import type { BoardSettings } from './config.ts'
import { createApp } from './create-app.ts'

export interface BoardDeps extends Omit<BoardSettings, 'port'> {
  readonly connection: QueueConnection
  readonly logger: Logger
  readonly port: number
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number
  readonly limits?: Partial<BoardLimits>
}

export interface Board extends Service {
  /** Where it listens: `http://127.0.0.1:3000`, without the path of BOARD_PUBLIC_URL. */
  readonly address: string
}

/** Listens when this resolves. @throws BackupError `configuration` when the port or address cannot be had. */
export async function startBoard(deps: BoardDeps): Promise<Board> {
  const { connection } = deps
  const logger = deps.logger.child({ service: 'board' })
  const host = chooseHost(deps, logger)
  const secret = openBoardSecret(connection)
  await secret.refresh()
  const queues = Object.values(allQueues).map((definition) =>
    openQueue(definition as typeof allQueues.runs, connection),
  )
  const closeQueues = async () => {
    await Promise.all(queues.map((queue) => queue.close()))
  }
  try {
    const app = await createApp({
      ...deps,
      logger,
      secret,
      queues: queues.map(({ bull }) => bull),
      now: deps.now ?? Date.now,
      limits: { ...defaultLimits, ...deps.limits },
    })
    const server = createServer(app)
    await listen(server, deps.port, host)
    const address = describe(server.address() as AddressInfo)
    logger.info({ address, publicUrl: deps.publicUrl?.href, readOnly: deps.readOnly }, 'board is ready')
    return {
      address,
      async close() {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
        await closeQueues()
      },
    }
  } catch (error) {
    await closeQueues()
    throw error
  }
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw explainListenError(error as NodeJS.ErrnoException, port, host)
  }
}

function explainListenError(error: NodeJS.ErrnoException, port: number, host: string): Error {
  const wrong = (problem: string, hint: string) =>
    new BackupError(`the board cannot listen on ${host} port ${port}: ${problem}`, {
      code: 'configuration',
      retryable: false,
      hint,
    })
  if (error.code === 'EADDRINUSE') {
    return wrong(
      'another program has this port',
      'Set BOARD_PORT to a port that is free, or to `off` to run without the board.',
    )
  }
  if (error.code === 'EACCES') return wrong('this user may not', 'Set BOARD_PORT to a port above 1023.')
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return wrong('this machine has no such address', 'Set BOARD_HOST to an address of this machine, or to 0.0.0.0.')
  }
  return error
}

function describe({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
