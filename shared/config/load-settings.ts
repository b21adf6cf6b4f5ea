// From the environment to typed values, or to one error that lists everything wrong.

import { ConfigurationError, type ConfigurationFault } from './configuration-error.ts'
import { findMisspeltVariables } from './misspelt-variables.ts'
import { type Origins, type ReadSetting, readSetting } from './read-setting.ts'
import {
  type Environment,
  maskText,
  type Setting,
  type SettingGroup,
  type Settings,
  type ValuesOf,
  variableNames,
} from './setting.ts'

export type SettingGroups = Readonly<Record<string, SettingGroup<Settings>>>

export type GroupValues<Groups extends SettingGroups> = {
  readonly [Key in keyof Groups]: Groups[Key] extends SettingGroup<infer S> ? ValuesOf<S> : never
}

interface LoadedSetting {
  readonly name: string
  /** The text as it may be shown; null while nothing is set. */
  readonly shown: string | null
  readonly source: string
}

export interface LoadedSettings<Groups extends SettingGroups = SettingGroups> {
  /** The values by group and key. Holds secrets in the clear. */
  readonly values: GroupValues<Groups>
  /** Where each variable's value comes from: `environment`, `file PATH (NAME_FILE)`, `.env` or `default`. */
  readonly sources: Readonly<Record<string, string>>
  /** All settings in order, fit to be shown. */
  readonly settings: readonly LoadedSetting[]
  /** Every secret value, for the logger to mask. */
  readonly secrets: readonly string[]
}

export interface LoadOptions {
  readonly env: Environment
  readonly origins?: Origins
  /** Names that other processes of the product read: in a shared environment they are no typos. */
  readonly otherNames?: readonly string[]
}

/**
 * Reads the settings of some groups: `loadSettings({ cvat: cvatSettings }, { env: process.env }).values.cvat.url`.
 * @throws ConfigurationError with all faults of all groups
 */
export function loadSettings<Groups extends SettingGroups>(
  groups: Groups,
  options: LoadOptions,
): LoadedSettings<Groups> {
  const { env, origins = {}, otherNames = [] } = options
  const faults: ConfigurationFault[] = []
  const values: Record<string, Record<string, unknown>> = {}
  const loaded: { setting: Setting; read: ReadSetting }[] = []
  for (const [groupKey, group] of Object.entries(groups)) {
    const read = Object.entries(group.settings).map(
      ([key, setting]) => [key, setting, readSetting(setting, env, origins)] as const,
    )
    const sound = read.filter(([, , result]) => result.faults.length === 0)
    values[groupKey] = Object.fromEntries(sound.map(([key, , result]) => [key, result.value]))
    const given = new Set(read.filter(([, , result]) => result.given).map(([key]) => key))
    faults.push(...read.flatMap(([, , result]) => result.faults))
    faults.push(...(group.check?.({ values: values[groupKey], given }) ?? []))
    loaded.push(...read.map(([, setting, result]) => ({ setting, read: result })))
  }
  const known = [...loaded.flatMap(({ setting }) => variableNames(setting)), ...otherNames]
  faults.push(...findMisspeltVariables(env, known))
  if (faults.length > 0) throw new ConfigurationError(faults)

  return {
    values: values as GroupValues<Groups>,
    sources: Object.fromEntries(loaded.map(({ setting, read }) => [setting.name, read.source])),
    settings: loaded.map(({ setting, read }) => ({
      name: setting.name,
      shown: read.text === undefined ? null : maskText(setting, read.text),
      source: read.source,
    })),
    secrets: collectSecrets(groups, values, loaded),
  }
}

function collectSecrets(
  groups: SettingGroups,
  values: Record<string, Record<string, unknown>>,
  loaded: readonly { setting: Setting; read: ReadSetting }[],
): string[] {
  // A setting with a mask is secret in part only (its group derives that part): masking the whole would hide the rest.
  const own = loaded.flatMap(({ setting, read }) => (setting.secret && !setting.mask && read.text ? [read.text] : []))
  const derived = Object.entries(groups).flatMap(([key, group]) => group.derivedSecrets?.(values[key] ?? {}) ?? [])
  return [...new Set([...own, ...derived])].filter((secret) => secret !== '')
}
