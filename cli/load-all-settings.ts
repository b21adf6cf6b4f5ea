// Every setting of the product, for commands that run all services or none.

import type { CvatSettings } from '#shared/config/cvat.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { type GroupValues, loadSettings } from '#shared/config/load-settings.ts'
import { allSettingGroups } from './setting-groups.ts'

export type AllSettings = ReturnType<typeof loadAllSettings>

/** From the environment and `.env` in the working directory. @throws ConfigurationError with all faults at once */
export function loadAllSettings() {
  return loadSettings(allSettingGroups, readEnvironment({ cwd: process.cwd(), env: process.env }))
}

/** For restores: a server that is gone has no login any more, so that of CVAT_URL is needed only where nothing else is set. */
export function loadRestoreSettings() {
  const environment = readEnvironment({ cwd: process.cwd(), env: process.env })
  const { cvat, store, restore, redis, logging } = allSettingGroups
  const hasSource = environment.env.CVAT_URL !== undefined && environment.env.CVAT_URL !== ''
  const common = { store, restore, redis, logging }
  const options = { ...environment, otherNames: listNames() }
  const loaded = hasSource ? loadSettings({ cvat, ...common }, options) : loadSettings(common, options)
  const { cvat: source, ...values } = loaded.values as GroupValues<typeof common> & { cvat?: CvatSettings }
  return { ...loaded, values, source }
}

/** For commands that only look at the backup directory: they need no login. */
export function loadStoreSettings() {
  const { store, sweeper, incremental, clock, logging } = allSettingGroups
  return loadSettings(
    { store, sweeper, incremental, clock, logging },
    { ...readEnvironment({ cwd: process.cwd(), env: process.env }), otherNames: listNames() },
  )
}

/** In a shared environment the names that others read are no typos. */
function listNames(): string[] {
  return Object.values(allSettingGroups).flatMap((group) =>
    Object.values(group.settings).map((setting) => setting.name),
  )
}
