// `sweep`: applies the retention rules to the whole backup directory, or tells what they would do.

import { describeError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { formatContent } from '#shared/model/series.ts'
import { formatBytes } from '#shared/presentation/format.ts'
import { type SweepTotals, sweepAll } from '#shared/retention/sweep-all.ts'
import type { SweepDecision, WorkflowSweepDecision } from '#shared/retention/sweep-entity.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { openReadingFiles } from '#shared/store/reading-files.ts'
import { isGood } from '#shared/store/record.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { openPrinter } from '../view/print-pieces.ts'

export async function sweep(args: string[]): Promise<number> {
  const { values } = readArguments(args, {
    'dry-run': { type: 'boolean', short: 'n', default: false },
    json: { type: 'boolean', default: false },
  })
  const dryRun = values['dry-run']
  const settings = loadStoreSettings().values
  const store = openStore({ directory: settings.store.backupDir, ...(dryRun ? { files: openReadingFiles() } : {}) })
  await store.checkDirectory()
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const rules = { ...settings.sweeper, ...settings.clock }
  // What has been removed is told at once.
  using printer = dryRun ? openPrinter() : undefined
  const print = printer?.print ?? ((text: string) => void process.stdout.write(text))
  const view = values.json ? viewAsJson(dryRun, print) : viewAsText(dryRun, print)
  try {
    // Without Redis nobody can say which backups are under way: a commit that is finished for its handler does no harm.
    const isIncremental = settings.incremental.strategy === 'incremental'
    const options = { rules, now: new Date(), dryRun, isIncremental, isActive: () => false, signal: stopping.signal }
    const totals = await sweepAll(store, options, view)
    view.onEnd(totals)
    return totals.failures.length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  }
}

interface SweepView {
  onDecision(decision: SweepDecision): void
  onWorkflow(decision: WorkflowSweepDecision): void
  onFailure(entity: EntityRef, error: unknown): void
  onEnd(totals: SweepTotals): void
}

/** A dry run shows every decision, a real one what it removed. */
function viewAsText(dryRun: boolean, print: (text: string) => void): SweepView {
  const tell = (entity: EntityRef, fileName: string, action: 'keep' | 'remove', reasons: readonly string[]) => {
    if (action === 'keep' && !dryRun) return
    const verb = action === 'keep' ? 'keep  ' : dryRun ? 'remove' : 'removed'
    print(`${verb} ${formatEntity(entity)}/${fileName}: ${reasons.join(', ')}\n`)
  }
  return {
    onDecision: ({ archive, action, reasons }) =>
      tell(archive.entity, archive.record.archive.fileName, action, reasons),
    onWorkflow: ({ workflow, action, reasons }) => tell(workflow.entity, workflow.fileName, action, reasons),
    onFailure: (entity, error) => process.stderr.write(`FAILED ${formatEntity(entity)}: ${describeError(error)}\n`),
    onEnd(totals) {
      const verb = dryRun ? 'would be removed' : 'removed'
      const failed = totals.failures.length > 0 ? `, ${totals.failures.length} entities FAILED` : ''
      const removed = `${totals.removed} archives ${verb} (${formatBytes(totals.removedBytes)})`
      const workflows = totals.workflowsRemoved > 0 ? `, ${totals.workflowsRemoved} workflows ${verb}` : ''
      print(`${totals.entities} entities: ${removed}, ${totals.kept} kept${workflows}${failed}\n`)
    },
  }
}

/** JSON lines: every decision and every failure as it comes, then the totals, each told apart by its `type`. */
function viewAsJson(dryRun: boolean, write: (text: string) => void): SweepView {
  const print = (line: object) => write(`${JSON.stringify(line)}\n`)
  return {
    onDecision({ archive: { entity, record }, action, reasons }) {
      print({
        type: 'decision',
        entity: formatEntity(entity),
        content: formatContent(record.series.content),
        server: record.server.url,
        file: record.archive.fileName,
        createdAt: record.createdAt,
        sizeBytes: record.archive.sizeBytes,
        good: isGood(record),
        action,
        reasons,
      })
    },
    onWorkflow: ({ workflow: { entity, fileName, head, sizeBytes }, action, reasons }) =>
      print({
        type: 'workflow-decision',
        entity: formatEntity(entity),
        server: head.server.url,
        file: fileName,
        takenAt: head.takenAt,
        sizeBytes,
        action,
        reasons,
      }),
    onFailure: (entity, error) =>
      print({ type: 'failure', entity: formatEntity(entity), reason: describeError(error) }),
    onEnd: ({ failures, ...numbers }) => print({ type: 'totals', dryRun, ...numbers, failed: failures.length }),
  }
}
