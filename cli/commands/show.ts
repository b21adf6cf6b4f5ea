// `show`: all archives of one project or task: what each holds and is worth, and why it is kept.

import { collectHistory } from '#shared/retention/collect-history.ts'
import { openStore } from '#shared/store/open-store.ts'
import { openReadingFiles } from '#shared/store/reading-files.ts'
import { exitCodes } from '../exit-codes.ts'
import { findEntity } from '../find-archive.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { describeHistory, historyToJson } from '../show/history-view.ts'
import { wrongUsage } from '../usage.ts'

export async function show(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean', default: false } }, true)
  const [text] = positionals
  if (text === undefined || positionals.length > 1) {
    throw wrongUsage('show takes one project or task: its folder such as project-6, or its name (in quotes)')
  }
  const settings = loadStoreSettings().values
  const store = openStore({ directory: settings.store.backupDir, files: openReadingFiles() })
  const entity = await findEntity(store, text)
  const rules = { ...settings.sweeper, ...settings.clock }
  const isIncremental = settings.incremental.strategy === 'incremental'
  const history = await collectHistory(entity, store, rules, new Date(), isIncremental)
  process.stdout.write(values.json ? `${JSON.stringify(historyToJson(history), null, 2)}\n` : describeHistory(history))
  return exitCodes.ok
}
