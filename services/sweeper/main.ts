// The sweeper as a process of its own.

import { clockSettings } from '#shared/config/clock.ts'
import { incrementalSettings } from '#shared/config/incremental.ts'
import { sweeperSettings, verificationSettings } from '#shared/config/retention.ts'
import { storeSettings } from '#shared/config/store.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { startSweeper } from './service.ts'

const groups = {
  store: storeSettings,
  sweeper: sweeperSettings,
  verification: verificationSettings,
  incremental: incrementalSettings,
  clock: clockSettings,
}

await runService('sweeper', groups, ({ values, connection, logger, metrics }) =>
  startSweeper({
    connection,
    logger,
    metrics,
    store: openStore({ directory: values.store.backupDir }),
    rules: { ...values.sweeper, ...values.clock },
    isIncremental: values.incremental.strategy === 'incremental',
    verifyPasses: values.verification.verifyPasses,
  }),
)
