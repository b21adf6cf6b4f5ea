// The board: what people see of jobs in a browser, and where they retry them.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { allQueues, backupQueueNames } from '#shared/queues/all-queues.ts'
import { type OpenQueue, openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import { listen } from '#shared/service/listen.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { openActions } from './actions.ts'
import type { ApiDeps } from './api-routes.ts'
import { type BoardData, openBoardData } from './board-data.ts'
import { type BoardLimits, defaultLimits } from './board-limits.ts'
import { openBoardSecret } from './board-secret.ts'
import { chooseHost } from './choose-host.ts'
import { openComparer } from './compare-stored.ts'
import type { BoardSettings } from './config.ts'
import { createApp } from './create-app.ts'
import { openFollowing } from './follow-run.ts'
import { openSimulator } from './simulate-retention.ts'

export interface BoardDeps extends Omit<BoardSettings, 'port'> {
  readonly connection: QueueConnection
  readonly logger: Logger
  readonly port: number
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number
  readonly limits?: Partial<BoardLimits>
  /** Only read. */
  readonly store: Store
  /** What the sweeper goes by, for what is shown of retention. */
  readonly rules: RetentionRules
  /** Whether snapshots are being made, as for a sweep. */
  readonly isIncremental?: boolean | undefined
  /** CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly lateAfterMs: number | undefined
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
  const now = deps.now ?? Date.now
  const byName = new Map(queues.map(({ bull }) => [bull.name, bull]))
  const data = openBoardData({ ...deps, now, queues: byName })
  const overview = openApiDeps(data, { ...deps, logger, now, queues })
  const closeQueues = async () => {
    await data.close()
    await Promise.all(queues.map((queue) => queue.close()))
  }
  try {
    const app = await createApp({
      ...deps,
      logger,
      secret,
      queues: queues.map(({ bull }) => bull),
      now,
      overview,
      limits: { ...defaultLimits, ...deps.limits },
    })
    // The first look then need not wait for the folders.
    void data.look().catch(() => undefined)
    const server = createServer(app)
    await listen(server, {
      who: 'the board',
      host,
      port: deps.port,
      settings: { host: 'BOARD_HOST', port: 'BOARD_PORT' },
      orElse: ', or to `off` to run without the board',
    })
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

function openApiDeps(
  data: BoardData,
  {
    store,
    isIncremental,
    queues,
    logger,
    now,
  }: Pick<BoardDeps, 'store' | 'isIncremental' | 'logger'> & { queues: AnyQueue[]; now: () => number },
): ApiDeps {
  const find = <Payload>(name: string) => queues.find(({ bull }) => bull.name === name) as unknown as OpenQueue<Payload>
  const actions = openActions({
    data,
    queues: { runs: find('runs'), verifications: find('verifications'), restores: find('restores') },
    backupQueues: backupQueueNames.map((name) => find(name).bull),
    logger,
  })
  return {
    data,
    actions,
    simulate: openSimulator(store, isIncremental),
    compare: openComparer(data),
    follow: openFollowing(data),
    now,
  }
}

type AnyQueue = OpenQueue<never>

function describe({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
