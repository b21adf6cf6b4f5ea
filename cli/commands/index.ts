// `index`: writes the list of all records that people and other programs may read.

import { formatBytes } from '#shared/presentation/format.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'

export async function index(args: string[]): Promise<number> {
  readArguments(args, {})
  const store = openStore({ directory: loadStoreSettings().values.store.backupDir })
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  try {
    const { archives, entities, sizeBytes, unread, path } = await store.writeCatalogue(stopping.signal)
    process.stdout.write(`${archives} archives of ${entities} entities, ${formatBytes(sizeBytes)}, are in ${path}\n`)
    if (unread === 0) return exitCodes.ok
    process.stderr.write(`${unread} folders could not be read; their lines in it say why\n`)
    return exitCodes.failed
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  }
}
