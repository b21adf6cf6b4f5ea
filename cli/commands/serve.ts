// `serve`: all services in one process, by the schedule, until it is asked to stop.

import { readSchedules } from '#services/scheduler/read-crontab.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openQueues } from '../embedded/open-queues.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { openServicesClient, openTarget, startServices } from '../start-services.ts'

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
  const queues = await openQueues(settings, 'serve', stopping.signal, (message) => logger.warn(message))
  scope.defer(() => queues.close())
  const cvat = scope.use(openServicesClient(settings, logger))
  const target = openTarget(settings, logger)
  if (target) scope.use(target.cvat)
  const surroundings = { connection: queues.connection, cvat, logger, schedules, ...(target ? { target } : {}) }
  const services = await startServices(settings, surroundings)
  scope.defer(() => services.close())
  logger.info('all services are ready')
  logger.info({ signal: await asked }, 'stopping')
  return exitCodes.ok
}
