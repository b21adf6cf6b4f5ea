// The listener: takes what CVAT tells by webhooks, and has what changed backed up once it is quiet. It needs no login at CVAT and
// no backup directory: who breaks into it can make backups begin, and nothing else.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { openChanges, type QuietTimes } from '#shared/coordination/changes.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { changesQueue } from '#shared/queues/changes-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { listen } from '#shared/service/listen.ts'
import type { Service } from '#shared/service/service.ts'
import { HOOKS_PATH } from './config.ts'
import { defineListenerMetrics, type Refusal } from './listener-metrics.ts'
import { readBody } from './read-body.ts'
import { openSeenCalls } from './seen-calls.ts'
import { type CallResult, takeCall } from './take-call.ts'

export interface ListenerDeps extends QuietTimes {
  readonly connection: QueueConnection
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** What CVAT signs with. */
  readonly secret: string
  /** How long a whole request may take; ten seconds unless told. */
  readonly requestMs?: number
}

export interface Listener extends Service {
  readonly address: { readonly port: number }
}

/** Whoever is slower is not CVAT, whose own limit this is. */
const REQUEST_MS = 10_000
const MOST_CONNECTIONS = 100
/** Node.js looks every 30 s only: so long a hundred slow callers could keep CVAT out. */
const CHECK_EVERY_MS = 1_000
/** Of refusals of one kind one line in this time is logged: nobody fills the log from outside. */
const LOG_EVERY_MS = 60_000

/** @throws BackupError `configuration`, naming the setting, when the port cannot be opened */
export async function startListener(deps: ListenerDeps): Promise<Listener> {
  const { connection, host, port, secret, quietMs, longestMs, requestMs = REQUEST_MS, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'listener' })
  const counters = defineListenerMetrics(metrics.registry)
  const queue = openQueue(changesQueue, connection)
  const takeDeps = {
    ...{ secret, queue },
    times: { quietMs, longestMs },
    seen: openSeenCalls(connection),
    changes: openChanges(connection),
  }
  const logRefusal = limitLog(logger)

  const handle = async (request: IncomingMessage): Promise<CallResult | undefined> => {
    if (URL.parse(request.url ?? '/', 'http://localhost')?.pathname !== HOOKS_PATH) return undefined
    if (request.method !== 'POST') return { refused: 'method', status: 405 }
    const body = await readBody(request)
    if (body === 'too-large') return { refused: body, status: 413 }
    if (body === 'cut-short') return { refused: body, status: 400 }
    const header = request.headers['x-signature-256']
    return takeCall({ signature: Array.isArray(header) ? '' : header, body }, takeDeps, new Date())
  }
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const result = await handle(request)
    if (!result) return send(response, 404, { error: 'not found' })
    if ('accepted' in result) {
      counters.accepted(result.accepted)
      logger.debug({ event: result.accepted }, 'an event was taken')
      return send(response, 202, { accepted: result.accepted })
    }
    counters.refused(result.refused)
    logRefusal(result.refused, { address: request.socket.remoteAddress, err: result.error })
    send(response, result.status, { refused: result.refused })
  }
  const limits = { requestTimeout: requestMs, headersTimeout: requestMs, connectionsCheckingInterval: CHECK_EVERY_MS }
  const server = createServer(limits, (request, response) => {
    respond(request, response).catch((error) => {
      logger.warn({ err: error }, 'a webhook could not be answered')
      send(response, 500, { error: 'internal error' })
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  const settings = { host: 'CVAT_BACKUP_HOOKS_HOST', port: 'CVAT_BACKUP_HOOKS_PORT' }
  await listen(server, { who: 'the listener', host, port, settings }).catch(async (error) => {
    await queue.close()
    throw error
  })
  const address = server.address() as { port: number }
  logger.info({ host, port: address.port, path: HOOKS_PATH, quietMs, longestMs }, 'listener is ready')
  return {
    address,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      await queue.close()
    },
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'POST' } : {}),
    // What was not read of a body must not be taken for the next request.
    ...(status >= 400 ? { connection: 'close' } : {}),
  })
  response.end(text)
}

function limitLog(logger: Logger) {
  const told = new Map<Refusal, { atMs: number; since: number }>()
  return (reason: Refusal, fields: object) => {
    const nowMs = Date.now()
    const last = told.get(reason)
    if (last && nowMs - last.atMs < LOG_EVERY_MS) {
      last.since++
      return
    }
    told.set(reason, { atMs: nowMs, since: 0 })
    logger.warn({ reason, ...fields, ...(last?.since ? { unnamed: last.since } : {}) }, 'a webhook was refused')
  }
}
