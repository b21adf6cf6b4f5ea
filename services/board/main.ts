// The board as a process of its own.

import { clockSettings } from '#shared/config/clock.ts'
import { incrementalSettings } from '#shared/config/incremental.ts'
import { sweeperSettings } from '#shared/config/retention.ts'
import { storeSettings } from '#shared/config/store.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { runService } from '#shared/service/run-service.ts'
import { openStore } from '#shared/store/open-store.ts'
import { boardSettings } from './config.ts'
import { startBoard } from './service.ts'

const groups = {
  board: boardSettings,
  store: storeSettings,
  sweeper: sweeperSettings,
  incremental: incrementalSettings,
  clock: clockSettings,
}

await runService('board', groups, ({ values, connection, logger, monitoring }) => {
  const { port, ...settings } = values.board
  if (port === 'off') {
    throw new BackupError('BOARD_PORT is `off`, and this process is the board', {
      code: 'configuration',
      retryable: false,
      hint: 'Set BOARD_PORT to a port, or do not start this process.',
    })
  }
  return startBoard({
    ...settings,
    port,
    connection,
    logger,
    store: openStore({ directory: values.store.backupDir }),
    rules: { ...values.sweeper, ...values.clock },
    isIncremental: values.incremental.strategy === 'incremental',
    lateAfterMs: monitoring.lateAfterMs,
  })
})
