// `adopt`: takes the flat files of the original script over into the store.

import { resolve } from 'node:path'
import { createLogger } from '#shared/logging/logger.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openAdoptingStore } from '#shared/store/adopt-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import { type AdoptTotals, adoptFolder, type FileAdoption, newAdoptTotals } from '../adopt/adopt-folder.ts'
import { describeAdoption, describeTotals } from '../adopt/describe-adoption.ts'
import { openFinder } from '../adopt/find-candidates.ts'
import { exitCodes } from '../exit-codes.ts'
import { type AllSettings, loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export async function adopt(args: string[]): Promise<number> {
  const { folder, ...options } = readOptions(args)
  const settings = loadAllSettings()
  const directory = settings.values.store.backupDir
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  await openStore({ directory }).checkDirectory()
  await using cvat = openConfiguredClient(settings.values.cvat, openLogger(settings))
  const totals = newAdoptTotals()
  const view = openView(options)
  try {
    await cvat.checkServer(stopping.signal)
    const deps = {
      ...options,
      finder: openFinder(cvat, stopping.signal),
      store: openAdoptingStore({ directory }),
      serverUrl: normaliseServerUrl(settings.values.cvat.url),
      now: () => new Date(),
    }
    await adoptFolder(resolve(folder ?? directory), deps, totals, view.onFile, stopping.signal)
  } catch (error) {
    view.end(totals)
    if (!stopping.signal.aborted) throw error
    process.stderr.write('interrupted: what was adopted is in its place; the same command does the rest\n')
    return exitCodes.interrupted
  }
  view.end(totals)
  return totals.damaged + totals.failed === 0 ? exitCodes.ok : exitCodes.failed
}

/** Beside the output, so that JSON stays JSON. */
function openLogger({ values, sources, secrets }: AllSettings) {
  const { level, format } = values.logging
  const chosen = sources.LOG_LEVEL === 'default' ? 'warn' : level
  return createLogger({ level: chosen, format, service: 'cvat-backups', secrets, destination: 2 })
}

interface AdoptOptions {
  readonly dryRun: boolean
  readonly copy: boolean
  readonly json: boolean
}

/** Files are written as they are done: thousands of them are never held. */
function openView(options: AdoptOptions) {
  const write = (text: string) => void process.stdout.write(text)
  let count = 0
  return {
    onFile(adoption: FileAdoption) {
      const head = count++ === 0 ? '{"files": [\n' : ',\n'
      write(options.json ? `${head}  ${JSON.stringify(adoption)}` : describeAdoption(adoption))
    },
    end(totals: AdoptTotals) {
      const head = count === 0 ? '{"files": [' : ''
      const rest = JSON.stringify({ dryRun: options.dryRun, ...totals }).slice(1)
      write(options.json ? `${head}\n], ${rest}\n` : describeTotals(totals, options))
    },
  }
}

function readOptions(args: string[]): AdoptOptions & { readonly folder: string | undefined } {
  const { values, positionals } = readArguments(
    args,
    {
      'dry-run': { type: 'boolean', short: 'n', default: false },
      copy: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
    true,
  )
  if (positionals.length > 1) throw wrongUsage('adopt takes one folder at a time')
  return { folder: positionals[0], dryRun: values['dry-run'], copy: values.copy, json: values.json }
}
