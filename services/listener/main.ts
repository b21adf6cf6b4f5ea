// The listener as a process of its own.

import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { runService } from '#shared/service/run-service.ts'
import { listenerSettings } from './config.ts'
import { startListener } from './service.ts'

await runService('listener', { listener: listenerSettings }, async ({ values, connection, logger, metrics }) => {
  const { secret, ...listener } = values.listener
  if (secret === undefined) {
    const problem = 'is not set, and nothing that is not signed is taken'
    throw new ConfigurationError([
      { name: 'CVAT_BACKUP_HOOKS_SECRET', problem, fix: 'Set it or CVAT_BACKUP_HOOKS_SECRET_FILE' },
    ])
  }
  return startListener({ ...listener, secret, connection, logger, metrics })
})
