// The scheduler as a process of its own.

import { clockSettings } from '#shared/config/clock.ts'
import { cvatSettings } from '#shared/config/cvat.ts'
import { incrementalSettings } from '#shared/config/incremental.ts'
import { monitoringSettings } from '#shared/config/monitoring.ts'
import { storeSettings } from '#shared/config/store.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { schedulerSettings } from './config.ts'
import { readSchedules } from './read-crontab.ts'
import { startScheduler } from './service.ts'

await runService(
  'scheduler',
  {
    cvat: cvatSettings,
    store: storeSettings,
    scheduler: schedulerSettings,
    incremental: incrementalSettings,
    clock: clockSettings,
    monitoring: monitoringSettings,
  },
  async ({ values, connection, logger, metrics }) => {
    const { scheduler, cvat, store, clock } = values
    return startScheduler({
      connection,
      logger,
      metrics,
      monitoring: values.monitoring,
      cvat: openConfiguredClient(cvat, logger),
      store: openStore({ directory: store.backupDir }),
      serverUrl: cvat.url,
      organization: cvat.organization,
      filters: scheduler,
      incremental: values.incremental,
      annotations: scheduler,
      schedules: await readSchedules(scheduler.scheduleFile),
      timeZone: clock.timeZone,
    })
  },
)
