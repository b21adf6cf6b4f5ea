// The port on which a process tells about itself: /healthz, /readyz and /metrics, without login and without secrets.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Gauge } from 'prom-client'
import type { MonitoringSettings } from '#shared/config/monitoring.ts'
import { createSecretMask } from '#shared/logging/secret-mask.ts'
import { listen } from '#shared/service/listen.ts'
import type { ProcessMetrics } from './open-metrics.ts'
import { type Check, openReadiness, type Readiness } from './readiness.ts'

export interface MonitoringOptions extends Pick<MonitoringSettings, 'port' | 'host'> {
  /** Name of the process. */
  readonly service: string
  readonly metrics: ProcessMetrics
  readonly logger: Logger
  /** Never to be in a reason; errors should not hold them, this makes sure. */
  readonly secrets: Iterable<string>
}

export interface Monitoring extends AsyncDisposable {
  /** Where it listens; undefined without a port. */
  readonly address: { readonly port: number } | undefined
  /** The process has started and depends on these; until then it is not ready. Of two of one name the first counts. */
  watch(checks: readonly Check[]): void
  close(): Promise<void>
}

/** Probes are small and quick; whoever is slow is not one. */
const REQUEST_MS = 10_000
const MOST_CONNECTIONS = 50

/**
 * Opens the port, if one is set, before the process does anything else: an orchestrator must see it starting.
 *
 * @throws BackupError `configuration`, naming the setting, when the port cannot be opened
 */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { port, host, service, metrics, logger } = options
  if (port === undefined) {
    const close = async () => undefined
    return { address: undefined, watch: () => undefined, close, [Symbol.asyncDispose]: close }
  }
  describeProcess(service, metrics)
  const mask = createSecretMask(options.secrets)
  let readiness: (() => Promise<Readiness>) | undefined
  const readReadiness = async (): Promise<Readiness> => {
    if (!readiness)
      return { status: 'not ready', checks: { started: { ok: false, needed: true, reason: 'it starts' } } }
    return readiness()
  }
  const routes: Record<string, (url: URL) => Promise<Answer>> = {
    '/healthz': async () => json(200, { status: 'ok' }),
    '/readyz': async (url) => {
      const answer = await readReadiness()
      const isGood = url.searchParams.has('strict') ? answer.status === 'ready' : answer.status !== 'not ready'
      const checks = Object.entries(answer.checks).map(([name, { reason, ...state }]) => [
        name,
        reason === undefined ? state : { ...state, reason: mask(reason) },
      ])
      return json(isGood ? 200 : 503, { status: answer.status, checks: Object.fromEntries(checks) })
    },
    '/metrics': async () => ({ status: 200, type: metrics.registry.contentType, body: await metrics.render() }),
  }
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    respond(request, response, routes).catch((error) => {
      logger.warn({ err: error }, 'a monitoring request could not be answered')
      send(request, response, { status: 500, type: 'text/plain; charset=utf-8', body: 'internal error\n' })
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  await listen(server, {
    who: 'monitoring',
    host,
    port,
    settings: { host: 'CVAT_BACKUP_MONITORING_HOST', port: 'CVAT_BACKUP_MONITORING_PORT' },
    orElse: '; each process on a machine needs one of its own',
  })
  const address = server.address() as { port: number }
  logger.info({ host, port: address.port }, 'monitoring is open')

  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    address,
    watch(checks) {
      const distinct = new Map<string, Check>()
      for (const check of checks) if (!distinct.has(check.name)) distinct.set(check.name, check)
      readiness = openReadiness([...distinct.values()])
      collectChecks(metrics, readiness)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Readonly<Record<string, (url: URL) => Promise<Answer>>>,
): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://localhost')
  const route = url && Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined
  if (!url || !route)
    return send(request, response, { status: 404, type: 'text/plain; charset=utf-8', body: 'not found\n' })
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(request, response, { status: 405, type: 'text/plain; charset=utf-8', body: 'GET only\n' })
  }
  send(request, response, await route(url))
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` }
}

function describeProcess(service: string, { registry }: ProcessMetrics): void {
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'cvat_backups_process_info',
    help: 'Always 1; says which service this process is.',
    labelNames: ['service'],
    registers: [registry],
  }).set({ service }, 1)
}

/** What /readyz says, for alerts. */
function collectChecks(metrics: ProcessMetrics, readReadiness: () => Promise<Readiness>): void {
  const up = new Gauge({
    name: 'cvat_backups_check_up',
    help: 'Whether something that the process depends on is there (1) or not (0), as in /readyz.',
    labelNames: ['check'],
    registers: [metrics.registry],
  })
  metrics.addCollector({
    name: 'checks',
    clear: () => up.reset(),
    async collect() {
      const { checks } = await readReadiness()
      for (const [check, { ok }] of Object.entries(checks)) up.set({ check }, ok ? 1 : 0)
    },
  })
}
