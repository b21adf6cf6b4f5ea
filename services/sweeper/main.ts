// The sweeper as a process of its own.

import { storeSettings } from '#shared/config/store.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { sweeperSettings } from './config.ts'
import { startSweeper } from './service.ts'

await runService('sweeper', { store: storeSettings, sweeper: sweeperSettings }, ({ values, connection, logger }) =>
  startSweeper({
    connection,
    logger,
    store: openStore({ directory: values.store.backupDir }),
    rules: values.sweeper,
  }),
)
