// `print-config`: what was loaded and from where, without a secret.

import { describeSettings, formatSettingRows } from '#shared/config/describe-settings.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'

export async function printConfig(args: string[]): Promise<number> {
  const { values } = readArguments(args, { json: { type: 'boolean', default: false } })
  const rows = describeSettings(loadAllSettings())
  process.stdout.write(formatSettingRows(rows, values.json ? 'json' : 'table'))
  return exitCodes.ok
}
