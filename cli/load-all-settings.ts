// Every setting of the product, for commands that run all services or none.

import { readEnvironment } from '#shared/config/environment.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { allSettingGroups } from './setting-groups.ts'

export type AllSettings = ReturnType<typeof loadAllSettings>

/** From the environment and `.env` in the working directory. @throws ConfigurationError with all faults at once */
export function loadAllSettings() {
  return loadSettings(allSettingGroups, readEnvironment({ cwd: process.cwd(), env: process.env }))
}

/** For commands that only look at the backup directory: they need no login. */
export function loadStoreSettings() {
  const { store, sweeper, clock, logging } = allSettingGroups
  const otherNames = Object.values(allSettingGroups).flatMap((group) =>
    Object.values(group.settings).map((setting) => setting.name),
  )
  return loadSettings(
    { store, sweeper, clock, logging },
    { ...readEnvironment({ cwd: process.cwd(), env: process.env }), otherNames },
  )
}
