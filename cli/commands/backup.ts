// `backup`: starts a run and follows it to its end; runs the services itself where nobody else does.

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Notifier } from '#services/notifier/service.ts'
import { openRunLedger, type RunLedger } from '#shared/coordination/run-ledger.ts'
import { summarise } from '#shared/coordination/summarise-run.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { allQueues } from '#shared/queues/all-queues.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { modeSchema, type StartRun } from '#shared/queues/runs-queue.ts'
import { makeRunId } from '#shared/service/make-run-id.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { openQueues } from '../embedded/open-queues.ts'
import { exitCodes } from '../exit-codes.ts'
import { followRun } from '../follow-run.ts'
import { type AllSettings, loadAllSettings } from '../load-all-settings.ts'
import { readArguments, takeEntities } from '../read-arguments.ts'
import { removeLeftovers } from '../remove-leftovers.ts'
import { openNotifier, openServicesClient, startServices } from '../start-services.ts'
import { untilSwept } from '../until-swept.ts'
import { wrongUsage } from '../usage.ts'
import { describeSummary } from '../view/describe-summary.ts'
import { openRunView, openSilentView, type RunView } from '../view/run-view.ts'

/** A mail server may take its time. */
const TELL_WITHIN_MS = 60_000

export async function backup(args: string[]): Promise<number> {
  const { request, json } = readRequest(args)
  const settings = loadAllSettings()
  const view = json ? openSilentView(process.stderr) : openRunView(process.stdout)
  const logger = openLogger(settings, view)
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  try {
    return await runBackup(request, json, settings, view, logger, stopping.signal)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  } finally {
    view.close()
  }
}

async function runBackup(
  request: StartRun,
  json: boolean,
  settings: AllSettings,
  view: RunView,
  logger: Logger,
  signal: AbortSignal,
): Promise<number> {
  await using scope = new AsyncDisposableStack()
  const queues = await openQueues(settings, 'backup', signal, view.say)
  scope.defer(() => queues.close())
  const { connection, own } = queues
  const ledger = openRunLedger(connection)
  const open = openAll(connection)
  scope.defer(() => open.close())
  let notifier: Notifier | undefined
  if (own) {
    const cvat = scope.use(openServicesClient(settings, logger))
    // A wrong password is told at once, not as the failure of a job.
    await cvat.checkServer(signal)
    const { backupDir } = settings.values.store
    const { isNew } = await openStore({ directory: backupDir }).checkDirectory()
    if (isNew && !json)
      view.say(`${backupDir} is a new backup directory (should there be archives, is its disk mounted?)`)
    const surroundings = { connection, cvat, logger: quieten(logger, settings) }
    const services = await startServices(settings, surroundings)
    scope.defer(() => services.close())
    notifier = await openNotifier(settings, { ...surroundings, logger: quieten(logger, settings, 'error') })
    if (notifier) scope.use({ [Symbol.asyncDispose]: () => notifier!.close() })
  }
  const runId = makeRunId(request.mode, new Date(), randomUUID())
  const failedSweeps = await open.queues.sweeps.bull.getFailedCount()
  await open.queues.runs.add({
    name: `run on demand, mode ${request.mode}`,
    jobId: runId,
    payload: { ...request, runId },
  })
  try {
    const onListed = async () => {
      if (own) await interruptLeftovers(ledger, runId)
    }
    const summary = await followRun(runId, { ledger, view, onListed, ...open.queues }, signal)
    const sweptWell = !own || (await untilSwept(open.queues.sweeps, failedSweeps, view, signal))
    // What could not be removed now is removed next time.
    if (own) await removeLeftovers(settings.values.store.backupDir, connection).catch(() => 0)
    await tellPeople(notifier, view, signal)
    view.close()
    process.stdout.write(
      json ? `${JSON.stringify(summary, null, 2)}\n` : describeSummary(summary, settings.values.store.backupDir),
    )
    return summary.ok && sweptWell ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (signal.aborted) await tellInterrupted(runId, own, ledger, view)
    throw error
  }
}

/** Before the process ends: nobody else would tell. What cannot be told now is told by the next one. */
async function tellPeople(notifier: Notifier | undefined, view: RunView, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TELL_WITHIN_MS)])
  await notifier?.look(limit).catch(() => {
    if (!signal.aborted) view.say('people could not be told of how it ended: `cvat-backups notify --status` says more')
  })
}

/** The next `backup` goes on from what is stored: whatever is done is unchanged then. */
async function tellInterrupted(runId: string, own: boolean, ledger: RunLedger, view: RunView): Promise<void> {
  if (!own) {
    view.say(`no longer following run ${runId}: the services go on with it`)
    return
  }
  await ledger.end(runId, 'interrupted')
  const account = await ledger.read(runId)
  const stored = account ? (await summarise(account, ledger)).done : 0
  view.say(`interrupted: ${stored} backed up in this run are kept; the next run goes on from here`)
}

/**
 * Runs of an earlier `backup` that was killed: nobody follows them. Only once this run has entered its entities: it joins
 * what those have begun, so that no export and no download is begun anew; the rest of theirs is dropped.
 */
async function interruptLeftovers(ledger: RunLedger, ownRunId: string): Promise<void> {
  for (const run of await ledger.unfinished()) {
    if (run.trigger === 'command' && run.runId !== ownRunId) await ledger.end(run.runId, 'interrupted')
  }
}

function openAll(connection: QueueConnection) {
  const queues = {
    runs: openQueue(allQueues.runs, connection),
    exports: openQueue(allQueues.exports, connection),
    downloads: openQueue(allQueues.downloads, connection),
    workflows: openQueue(allQueues.workflows, connection),
    snapshots: openQueue(allQueues.snapshots, connection),
    sweeps: openQueue(allQueues.sweeps, connection),
  }
  return {
    queues,
    close: async () => {
      await Promise.all(Object.values(queues).map((queue) => queue.close()))
    },
  }
}

/** What happens to each entity is in the view and in the summary; saying it in the log too only helps who asks for it. */
function quieten(logger: Logger, { sources }: AllSettings, level = 'fatal'): Logger {
  return sources.LOG_LEVEL === 'default' ? logger.child({}, { level }) : logger
}

function openLogger({ values, sources, secrets }: AllSettings, view: RunView): Logger {
  const { level, format } = values.logging
  return createLogger({
    level: sources.LOG_LEVEL === 'default' ? 'warn' : level,
    format,
    service: 'cvat-backups',
    secrets,
    destination: {
      isTTY: process.stderr.isTTY,
      write: (line: string) => (process.stdout.isTTY ? view.say(line.trimEnd()) : void process.stderr.write(line)),
    },
  })
}

function readRequest(args: string[]): { request: StartRun; json: boolean } {
  const { rest, entities } = takeEntities(args)
  const { values } = readArguments(rest, {
    mode: { type: 'string', short: 'm', default: 'p' },
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  })
  const mode = modeSchema.safeParse(values.mode)
  if (!mode.success) throw wrongUsage(`--mode takes p, a or t, not «${values.mode}»`)
  const request: StartRun = { do: 'start-run', mode: mode.data, full: values.full, trigger: 'command' }
  return { request: entities ? { ...request, entities } : request, json: values.json }
}
