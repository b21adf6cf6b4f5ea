// Every group of settings that the product has, in the order of the documentation.

import { boardSettings } from '#services/board/config.ts'
import { downloaderSettings } from '#services/downloader/config.ts'
import { exporterSettings } from '#services/exporter/config.ts'
import { listenerSettings } from '#services/listener/config.ts'
import { notifierSettings } from '#services/notifier/config.ts'
import { schedulerSettings } from '#services/scheduler/config.ts'
import { clockSettings } from '#shared/config/clock.ts'
import { cvatSettings } from '#shared/config/cvat.ts'
import { incrementalSettings } from '#shared/config/incremental.ts'
import { loggingSettings } from '#shared/config/logging.ts'
import { monitoringSettings } from '#shared/config/monitoring.ts'
import { redisSettings } from '#shared/config/redis.ts'
import { restoreSettings } from '#shared/config/restore.ts'
import { sweeperSettings, verificationSettings } from '#shared/config/retention.ts'
import { storeSettings } from '#shared/config/store.ts'
import { tracingSettings } from '#shared/config/tracing.ts'

export const allSettingGroups = {
  cvat: cvatSettings,
  store: storeSettings,
  scheduler: schedulerSettings,
  incremental: incrementalSettings,
  exporter: exporterSettings,
  downloader: downloaderSettings,
  sweeper: sweeperSettings,
  verification: verificationSettings,
  restore: restoreSettings,
  listener: listenerSettings,
  notifier: notifierSettings,
  board: boardSettings,
  clock: clockSettings,
  redis: redisSettings,
  logging: loggingSettings,
  monitoring: monitoringSettings,
  tracing: tracingSettings,
}
