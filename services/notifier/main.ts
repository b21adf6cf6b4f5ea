// The notifier as a process of its own.

import { clockSettings } from '#shared/config/clock.ts'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { cvatSettings } from '#shared/config/cvat.ts'
import { monitoringSettings } from '#shared/config/monitoring.ts'
import { storeSettings } from '#shared/config/store.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { hasChannel, notifierSettings } from './config.ts'
import { startNotifier } from './service.ts'

await runService(
  'notifier',
  {
    cvat: cvatSettings,
    store: storeSettings,
    notifier: notifierSettings,
    clock: clockSettings,
    monitoring: monitoringSettings,
  },
  async ({ values, connection, logger, metrics }) => {
    if (!hasChannel(values.notifier)) {
      const problem = 'is not set, nor is any other way by which people could be told'
      const fix = 'Set it, or one of the others that docs/configuration.md lists under Notifier'
      throw new ConfigurationError([{ name: 'CVAT_BACKUP_NOTIFY_WEBHOOK_URL', problem, fix }])
    }
    return startNotifier({
      ...{ connection, logger, metrics, settings: values.notifier },
      store: openStore({ directory: values.store.backupDir }),
      cvat: openConfiguredClient(values.cvat, logger),
      serverUrl: values.cvat.url,
      lateAfterMs: values.monitoring.lateAfterMs,
      timeZone: values.clock.timeZone,
    })
  },
)
