// The board as a process of its own.

import { BackupError } from '#shared/errors/backup-error.ts'
import { runService } from '#shared/service/run-service.ts'
import { boardSettings } from './config.ts'
import { startBoard } from './service.ts'

await runService('board', { board: boardSettings }, ({ values, connection, logger }) => {
  const { port, ...settings } = values.board
  if (port === 'off') {
    throw new BackupError('BOARD_PORT is `off`, and this process is the board', {
      code: 'configuration',
      retryable: false,
      hint: 'Set BOARD_PORT to a port, or do not start this process.',
    })
  }
  return startBoard({ ...settings, port, connection, logger })
})
