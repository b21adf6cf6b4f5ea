// `sweep`: applies the retention rules to the whole backup directory, or tells what they would do.

import { type SweepTotals, sweepAll } from '#services/sweeper/sweep-all.ts'
import type { SweepDecision } from '#services/sweeper/sweep-entity.ts'
import { describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { formatBytes } from '../view/format.ts'

export async function sweep(args: string[]): Promise<number> {
  const { values } = readArguments(args, {
    'dry-run': { type: 'boolean', short: 'n', default: false },
    json: { type: 'boolean', default: false },
  })
  const dryRun = values['dry-run']
  const settings = loadStoreSettings().values
  const store = openStore({ directory: settings.store.backupDir })
  await store.checkDirectory()
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const options = { rules: settings.sweeper, now: new Date(), dryRun, signal: stopping.signal }
  try {
    const totals = await sweepAll(store, options, {
      onDecision: (decision) => {
        if (!values.json && (dryRun || decision.action === 'remove')) printDecision(decision, dryRun)
      },
      onFailure: (entity, error) => process.stderr.write(`FAILED ${formatEntity(entity)}: ${describeError(error)}\n`),
    })
    process.stdout.write(values.json ? `${JSON.stringify({ dryRun, ...totals }, null, 2)}\n` : describe(totals, dryRun))
    return totals.failures.length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  }
}

function printDecision({ archive, action, reason }: SweepDecision, dryRun: boolean): void {
  const verb = action === 'keep' ? 'keep  ' : dryRun ? 'remove' : 'removed'
  process.stdout.write(`${verb} ${formatEntity(archive.entity)}/${archive.record.archive.fileName}: ${reason}\n`)
}

function describe(totals: SweepTotals, dryRun: boolean): string {
  const verb = dryRun ? 'would be removed' : 'removed'
  const failed = totals.failures.length > 0 ? `, ${totals.failures.length} entities FAILED` : ''
  const size = formatBytes(totals.removedBytes)
  return `${totals.entities} entities: ${totals.removed} archives ${verb} (${size}), ${totals.kept} kept${failed}\n`
}
