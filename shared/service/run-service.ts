// The frame of every service's process: settings, log, Redis, then the service until it is asked to stop.

import type { Logger } from 'pino'
import { type GroupValues, loadSettings, type SettingGroups } from '#shared/config/load-settings.ts'
import { loggingSettings } from '#shared/config/logging.ts'
import { type MonitoringSettings, monitoringSettings } from '#shared/config/monitoring.ts'
import { redisAddress, redisSettings } from '#shared/config/redis.ts'
import { tracingSettings } from '#shared/config/tracing.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { checkRedis } from '#shared/monitoring/checks.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { startMonitoring } from '#shared/monitoring/start-monitoring.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import { openTracing } from '#shared/tracing/open-tracing.ts'
import type { Service } from './service.ts'
import { untilAskedToStop } from './start-signals.ts'

const commonSettings = {
  redis: redisSettings,
  logging: loggingSettings,
  monitoring: monitoringSettings,
  tracing: tracingSettings,
}

export interface ServiceFrame<Groups extends SettingGroups> {
  readonly values: GroupValues<Groups>
  readonly connection: QueueConnection
  readonly logger: Logger
  readonly monitoring: MonitoringSettings
  /** Of this process: the service defines its own on the registry. */
  readonly metrics: ProcessMetrics
}

/**
 * Runs one service as this process. Sets the exit code: 0 after a clean stop, 1 when it could not start, 2 when the
 * configuration is wrong.
 */
export async function runService<Groups extends SettingGroups>(
  name: string,
  groups: Groups,
  start: (frame: ServiceFrame<Groups>) => Promise<Service>,
): Promise<void> {
  const asked = untilAskedToStop()
  try {
    const loaded = loadSettings({ ...groups, ...commonSettings }, { env: process.env })
    // Spreading generic groups loses their keys' types; the values are those of both.
    const { redis, logging, monitoring: port, tracing: traces } = loaded.values as GroupValues<typeof commonSettings>
    const logger = createLogger({ ...logging, service: name, secrets: loaded.secrets })
    const address = redisAddress(redis)
    if (!address) throw redisNeeded(name)
    const metrics = openMetrics()
    const monitoring = await startMonitoring({ ...port, service: name, metrics, logger, secrets: loaded.secrets })
    const tracing = await openTracing({ ...traces, service: name, logger, secrets: loaded.secrets })
    const client = await connectRedis(address)
    client.on('error', (err) => logger.warn({ err }, 'Redis'))
    try {
      const values = loaded.values as unknown as GroupValues<Groups>
      const connection = { redis: client, prefix: redis.prefix, telemetry: tracing.telemetry }
      const service = await start({ values, connection, logger, monitoring: port, metrics })
      monitoring.watch([checkRedis(connection), ...(service.checks ?? [])])
      const signal = await asked
      logger.info({ signal }, 'stopping')
      await monitoring.close()
      await service.close()
      await tracing.close()
    } finally {
      client.disconnect()
    }
    process.exit(0)
  } catch (error) {
    const text = error instanceof BackupError && error.hint ? `${error.message}\n${error.hint}` : describe(error)
    process.stderr.write(`${name}: ${text}\n`)
    process.exit(error instanceof BackupError && error.code === 'configuration' ? 2 : 1)
  }
}

function redisNeeded(name: string): BackupError {
  return new BackupError(`REDIS_URL is not set, and the ${name} as a process of its own needs it`, {
    code: 'configuration',
    retryable: false,
    hint: 'Set REDIS_URL, or run everything in one process with `cvat-backups serve`.',
  })
}

function describe(error: unknown): string {
  return error instanceof BackupError
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : `${error}`
}
