// Finds a setting's text: under its name, an alias, or in the file that NAME_FILE names.

import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationFault } from './configuration-error.ts'
import { type Environment, maskText, type Setting } from './setting.ts'

/** Where variables were set: their name to `.env`; those not in it come from the environment. */
export type Origins = Readonly<Record<string, string>>

export interface ReadSetting {
  /** The variable's text; undefined while nothing is set and there is no default. */
  readonly text: string | undefined
  readonly value: unknown
  /** `environment`, `file PATH (NAME_FILE)`, `.env` or `default`. */
  readonly source: string
  /** Set by somebody, well or badly: not a default. */
  readonly given: boolean
  readonly faults: readonly ConfigurationFault[]
}

interface Candidate {
  readonly variable: string
  readonly text: string
  readonly source: string
}

/** Reads and parses one setting. Faults are returned, not thrown, so that the caller can collect those of all settings. */
export function readSetting(setting: Setting, env: Environment, origins: Origins): ReadSetting {
  const faults: ConfigurationFault[] = []
  const candidates: Candidate[] = []
  for (const name of [setting.name, ...(setting.aliases ?? [])]) {
    const text = textOf(setting, env[name])
    if (text !== undefined) candidates.push({ variable: name, text, source: describeSource(setting, name, origins) })
    const file = setting.secret ? env[`${name}_FILE`] : undefined
    if (file) {
      const found = readSecretFile(`${name}_FILE`, file)
      if ('problem' in found) faults.push(found)
      else candidates.push({ variable: `${name}_FILE`, text: found.text, source: `file ${file} (${name}_FILE)` })
    }
  }
  const given = candidates.length > 0 || faults.length > 0
  const parsed = candidates.map((candidate) => parse(setting, candidate))
  faults.push(...parsed.flatMap((result) => ('problem' in result ? [result] : [])))
  if (faults.length > 0) return { text: undefined, value: undefined, source: '', given, faults }

  const [first, ...others] = candidates
  if (!first) return readDefault(setting, env)
  const values = parsed.map((result) => ('problem' in result ? undefined : result.value))
  const conflicts = others
    .filter((_, index) => !isDeepStrictEqual(values[0], values[index + 1]))
    .map((other) => describeConflict(setting, first, other))
  return { text: first.text, value: values[0], source: first.source, given, faults: conflicts }
}

function readDefault(setting: Setting, env: Environment): ReadSetting {
  if ('required' in setting) {
    const fix = setting.example ? `Set it, for example ${setting.name}=${setting.example}` : 'Set it'
    const faults = [{ name: setting.name, problem: 'is not set', fix }]
    return { text: undefined, value: undefined, source: 'default', given: false, faults }
  }
  if (!('default' in setting)) return { text: undefined, value: undefined, source: 'default', given: false, faults: [] }
  const text = typeof setting.default === 'string' ? setting.default : setting.default.from(env)
  const result = parse(setting, { variable: setting.name, text, source: 'default' })
  if ('problem' in result) return { text, value: undefined, source: 'default', given: false, faults: [result] }
  return { text, value: result.value, source: 'default', given: false, faults: [] }
}

/** An empty variable counts as not set; around secrets spaces are kept, they may be part of them. */
function textOf(setting: Setting, raw: string | undefined): string | undefined {
  return (setting.secret ? raw : raw?.trim()) || undefined
}

function describeSource(setting: Setting, variable: string, origins: Origins): string {
  const origin = origins[variable] ?? 'environment'
  return variable === setting.name ? origin : `${origin} (${variable})`
}

function parse(setting: Setting, candidate: Candidate): { value: unknown } | ConfigurationFault {
  const result = setting.schema.safeParse(candidate.text)
  if (result.success) return { value: result.data }
  const issue = result.error.issues[0] as { message: string; params?: { fix?: string } } | undefined
  const example =
    setting.example ?? ('default' in setting && typeof setting.default === 'string' ? setting.default : '')
  return {
    name: candidate.variable,
    value: showInFault(setting, candidate.text),
    problem: issue?.message ?? 'is not valid',
    fix: issue?.params?.fix ?? (example ? `Set it like ${setting.name}=${example}` : 'Correct it'),
  }
}

/** Of a broken secret nothing is shown: what cannot be parsed cannot be masked in part either. */
function showInFault(setting: Setting, text: string): string {
  if (setting.secret) return '***'
  const shown = maskText(setting, text)
  return JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown)
}

function describeConflict(setting: Setting, first: Candidate, other: Candidate): ConfigurationFault {
  const names = `${first.variable} and ${other.variable}`
  const values = setting.secret ? '***' : `${JSON.stringify(first.text)} and ${JSON.stringify(other.text)}`
  return { name: names, value: values, problem: 'are both set and differ', fix: 'Remove one of them' }
}

function readSecretFile(variable: string, file: string): { text: string } | ConfigurationFault {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)).replace(/\r?\n$/, '')
    if (text) return { text }
    return { name: variable, problem: `names an empty file, ${file}`, fix: 'Write the secret into the file' }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      return { name: variable, problem: `names a file that is not UTF-8 text, ${file}`, fix: 'Save the file as UTF-8' }
    }
    const fix = 'Name a file that this process can read'
    return { name: variable, problem: `names a file that cannot be read, ${file}: ${code}`, fix }
  }
}
