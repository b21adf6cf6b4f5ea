// Every setting of the product, for commands that run all services or none.

import { downloaderSettings } from '#services/downloader/config.ts'
import { exporterSettings } from '#services/exporter/config.ts'
import { schedulerSettings } from '#services/scheduler/config.ts'
import { sweeperSettings } from '#services/sweeper/config.ts'
import { cvatSettings } from '#shared/config/cvat.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { loggingSettings } from '#shared/config/logging.ts'
import { redisSettings } from '#shared/config/redis.ts'
import { storeSettings } from '#shared/config/store.ts'

const groups = {
  cvat: cvatSettings,
  store: storeSettings,
  scheduler: schedulerSettings,
  exporter: exporterSettings,
  downloader: downloaderSettings,
  sweeper: sweeperSettings,
  redis: redisSettings,
  logging: loggingSettings,
}

export type AllSettings = ReturnType<typeof loadAllSettings>

/** From the environment and `.env` in the working directory. @throws ConfigurationError with all faults at once */
export function loadAllSettings() {
  return loadSettings(groups, readEnvironment({ cwd: process.cwd(), env: process.env }))
}

/** For commands that only look at the backup directory: they need no login. */
export function loadStoreSettings() {
  const local = { store: groups.store, sweeper: groups.sweeper, logging: groups.logging }
  const otherNames = Object.values(groups).flatMap((group) =>
    Object.values(group.settings).map((setting) => setting.name),
  )
  return loadSettings(local, { ...readEnvironment({ cwd: process.cwd(), env: process.env }), otherNames })
}
