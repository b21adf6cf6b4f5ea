// `serve`: all services in one process, by the schedule, until it is asked to stop.

import { readSchedules } from '#services/scheduler/read-crontab.ts'
import { createLogger, type Logger } from '#shared/logging/logger.ts'
import { checkRedis } from '#shared/monitoring/checks.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { startMonitoring } from '#shared/monitoring/start-monitoring.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { openTracing } from '#shared/tracing/open-tracing.ts'
import { openQueues } from '../embedded/open-queues.ts'
import { exitCodes } from '../exit-codes.ts'
import { type AllSettings, loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { openNotifier, openRestoreTarget, openServicesClient, startServices } from '../start-services.ts'

export async function serve(args: string[]): Promise<number> {
  readArguments(args, {})
  const settings = loadAllSettings()
  const { logging, scheduler } = settings.values
  const logger = createLogger({ ...logging, service: 'cvat-backups', secrets: settings.secrets })
  const schedules = await readSchedules(scheduler.scheduleFile)
  const stopping = new AbortController()
  const asked = untilAskedToStop().then((signal) => {
    stopping.abort(new Error('interrupted'))
    return signal
  })
  await using scope = new AsyncDisposableStack()
  const metrics = openMetrics()
  const { secrets } = settings
  const monitoring = await startMonitoring({
    ...settings.values.monitoring,
    service: 'serve',
    metrics,
    logger,
    secrets,
  })
  scope.use(monitoring)
  const queues = await openQueues(settings, 'serve', stopping.signal, (message) => logger.warn(message)).catch(
    (error: unknown) => {
      if (stopping.signal.aborted) return undefined
      throw error
    },
  )
  if (!queues) {
    logger.info({ signal: await asked }, 'stopped before the services were begun')
    return exitCodes.ok
  }
  scope.defer(() => queues.close())
  const board = await openBoard(settings, queues.connection, logger)
  if (board) scope.defer(() => board.close())
  const listener = await openListener(settings, queues.connection, logger, metrics)
  if (listener) scope.defer(() => listener.close())
  const cvat = scope.use(openServicesClient(settings, logger))
  const tracing = scope.use(await openTracing({ ...settings.values.tracing, service: 'serve', logger, secrets }))
  const connection = { ...queues.connection, telemetry: tracing.telemetry }
  const target = openRestoreTarget(settings, logger)
  if (target) scope.use(target.cvat)
  const surroundings = { connection, cvat, logger, schedules, metrics, ...(target ? { target } : {}) }
  const services = await startServices(settings, surroundings)
  scope.defer(() => services.close())
  const notifier = await openNotifier(settings, surroundings)
  if (notifier) scope.defer(() => notifier.close())
  monitoring.watch([checkRedis(connection), ...(services.checks ?? [])])
  logger.info('all services are ready')
  logger.info({ signal: await asked }, 'stopping')
  return exitCodes.ok
}

/** Before the services, as the board is. */
async function openListener(
  { values }: AllSettings,
  connection: QueueConnection,
  logger: Logger,
  metrics: ProcessMetrics,
) {
  const { secret, ...listener } = values.listener
  if (secret === undefined) return undefined
  const { startListener } = await import('#services/listener/service.ts')
  return startListener({ ...listener, secret, connection, logger, metrics })
}

/** Before the services, so that none has begun anything when its port is taken. Loaded only where it is wanted. */
async function openBoard({ values }: AllSettings, connection: QueueConnection, logger: Logger) {
  const { port, ...board } = values.board
  if (port === 'off') return undefined
  const { startBoard } = await import('#services/board/service.ts')
  return startBoard({
    ...board,
    port,
    connection,
    logger,
    store: openStore({ directory: values.store.backupDir }),
    rules: { ...values.sweeper, ...values.clock },
    isIncremental: values.incremental.strategy === 'incremental',
    lateAfterMs: values.monitoring.lateAfterMs,
  })
}
