// The restorer as a process of its own.

import { cvatSettings } from '#shared/config/cvat.ts'
import { chooseRestoreTarget, restoreSettings } from '#shared/config/restore.ts'
import { storeSettings } from '#shared/config/store.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { openTarget } from './open-target.ts'
import { startRestorer } from './service.ts'

await runService(
  'restorer',
  { cvat: cvatSettings, store: storeSettings, restore: restoreSettings },
  async ({ values, connection, logger, metrics }) => {
    return startRestorer({
      ...values.restore,
      serverUrl: values.cvat.url,
      connection,
      logger,
      metrics,
      store: openStore({ directory: values.store.backupDir }),
      target: openTarget(chooseRestoreTarget(values.restore, values.cvat)!, logger),
    })
  },
)
