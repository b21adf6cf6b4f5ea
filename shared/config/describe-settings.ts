// What was really loaded, for `print-config`: names, masked values and where each came from.

import type { LoadedSettings } from './load-settings.ts'

export interface SettingRow {
  readonly name: string
  /** Masked; null while nothing is set. */
  readonly value: string | null
  readonly source: string
}

/** A row a setting, in the order of the documentation. No secret is ever in it. */
export function describeSettings(loaded: Pick<LoadedSettings, 'settings'>): SettingRow[] {
  return loaded.settings.map(({ name, shown, source }) => ({ name, value: shown, source }))
}

/** The rows as an aligned text table or as indented JSON, with a final newline. */
export function formatSettingRows(rows: readonly SettingRow[], format: 'table' | 'json'): string {
  if (format === 'json') return `${JSON.stringify(rows, null, 2)}\n`
  const cells = [
    ['NAME', 'VALUE', 'SOURCE'],
    ...rows.map(({ name, value, source }) => [name, value ?? '(not set)', source]),
  ]
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells
    .map(([name, value, source]) => `${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${source}\n`)
    .join('')
}
