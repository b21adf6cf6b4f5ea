// What every command that writes to a server begins with: its settings, a logger, the store and the target.

import type { Logger } from 'pino'
import { openTarget } from '#services/restorer/open-target.ts'
import type { TargetServer } from '#services/restorer/restore-work.ts'
import { chooseRestoreTarget } from '#shared/config/restore.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { loadRestoreSettings } from '../load-all-settings.ts'
import { findSource } from './find-source.ts'

export interface Surroundings {
  readonly settings: ReturnType<typeof loadRestoreSettings>
  readonly store: Store
  /** Whose archives they are; normalised. */
  readonly source: string
  readonly target: TargetServer
  readonly logger: Logger
}

/** Its client is closed with the scope. @throws BackupError `configuration`: there is no login for the target; as findSource */
export async function openSurroundings(
  { to, from }: { readonly to: string | undefined; readonly from: string | undefined },
  scope: AsyncDisposableStack,
): Promise<Surroundings> {
  const settings = loadRestoreSettings()
  const { values, source: configured } = settings
  const chosen = chooseRestoreTarget(values.restore, configured, to)
  if (!chosen) throw noLogin(to)
  const logger = openLogger(settings)
  const target = openTarget(chosen, logger)
  scope.use(target.cvat)
  const store = openStore({ directory: values.store.backupDir })
  const source = await findSource(store, { wished: from, configured: configured?.url })
  return { settings, store, source, target, logger }
}

/** What is going on stands in the output; the log is for those who ask for it. */
function openLogger({ values, sources, secrets }: Surroundings['settings']): Logger {
  const level = sources.LOG_LEVEL === 'default' ? 'fatal' : values.logging.level
  return createLogger({ level, format: values.logging.format, service: 'cvat-backups', secrets, destination: 2 })
}

function noLogin(to: string | undefined): BackupError {
  return new BackupError(to ? `There is no login for ${to}` : 'It is not said where to restore to', {
    code: 'configuration',
    retryable: false,
    hint: 'Set CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD, or CVAT_RESTORE_ACCESS_TOKEN, for the server of --to or CVAT_RESTORE_URL.',
  })
}
