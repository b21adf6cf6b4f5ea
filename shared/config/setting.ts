// What a setting is: one variable of the environment with everything that loading, printing and documenting it need.

import type { z } from 'zod'
import type { ConfigurationFault } from './configuration-error.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A default that depends on the machine: `text` is what the documentation says, `from` what it comes to. */
interface ComputedDefault {
  readonly text: string
  readonly from: (env: Environment) => string
}

interface SettingBase<Value> {
  /** Name of the variable. */
  readonly name: string
  /** Further names of the same variable. */
  readonly aliases?: readonly string[]
  /** From the variable's text to its value; its description says what is accepted (`a whole number from 1 to 64`). */
  readonly schema: z.ZodType<Value, string>
  /** One or two sentences for the documentation. */
  readonly description: string
  readonly unit?: string
  /** A text that the schema accepts. */
  readonly example?: string
  /** Never shown, and may also come from a file named by `NAME_FILE`. */
  readonly secret?: boolean
  /** What may be shown of the text when not all of it may (a password inside a URL). */
  readonly mask?: (text: string) => string
}

interface RequiredSetting<Value = unknown> extends SettingBase<Value> {
  readonly required: true
}

/** The default is written as in the environment and goes through the schema, so that documentation and value agree. */
interface DefaultedSetting<Value = unknown> extends SettingBase<Value> {
  readonly default: string | ComputedDefault
}

interface OptionalSetting<Value = unknown> extends SettingBase<Value> {
  /** What holds while it is not set, for the documentation. */
  readonly whenUnset: string
}

export type Setting<Value = unknown> = RequiredSetting<Value> | DefaultedSetting<Value> | OptionalSetting<Value>

export type Settings = Readonly<Record<string, Setting>>

type ValueOf<S extends Setting> = S extends OptionalSetting ? z.output<S['schema']> | undefined : z.output<S['schema']>

export type ValuesOf<S extends Settings> = { readonly [Key in keyof S]: ValueOf<S[Key]> }

/** What a check over several settings sees: values of the sound ones, and which were given at all, sound or not. */
export interface GroupState<S extends Settings> {
  readonly values: Partial<ValuesOf<S>>
  readonly given: ReadonlySet<keyof S>
}

/** Settings that belong together: one section of the documentation, one object of values. */
export interface SettingGroup<S extends Settings = Settings> {
  readonly title: string
  readonly introduction?: string
  readonly settings: S
  /** Faults that show only when several settings are seen together. */
  check?(state: GroupState<S>): readonly ConfigurationFault[]
  /** Secrets that are derived from the values (a password inside a URL, the text of a Basic login), for log masking. */
  derivedSecrets?(values: ValuesOf<S>): readonly string[]
}

/** Keeps the exact types of the settings, from which {@link ValuesOf} derives those of the values. */
export function defineGroup<const S extends Settings>(group: SettingGroup<S>): SettingGroup<S> {
  return group
}

/** Every variable that sets this setting, the `_FILE` forms of secrets included. */
export function variableNames(setting: Setting): string[] {
  const names = [setting.name, ...(setting.aliases ?? [])]
  return setting.secret ? names.flatMap((name) => [name, `${name}_FILE`]) : names
}

/** The setting's text as it may be shown. */
export function maskText(setting: Setting, text: string): string {
  if (setting.mask) return setting.mask(text)
  return setting.secret ? '***' : text
}
