// `restore`: projects and tasks from their archives to a server, one or all of them.

import type { Logger } from 'pino'
import { chooseRestoreTarget, type RestoreTarget } from '#shared/config/restore.ts'
import { type CvatClient, openCvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { openQueue } from '#shared/queues/open-queue.ts'
import { type RestorePayload, restoresQueue } from '#shared/queues/restores-queue.ts'
import { isTargetServed } from '#shared/restores/announce-target.ts'
import { beginRestore } from '#shared/restores/begin-restore.ts'
import { describeRequest } from '#shared/restores/describe-request.ts'
import type { Restorable } from '#shared/restores/list-restorable.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { findRunningQueues } from '../embedded/find-running-queues.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadRestoreSettings } from '../load-all-settings.ts'
import { checkTarget } from '../restore/check-target.ts'
import { chooseRestorable, findNamed } from '../restore/choose-restorable.ts'
import { confirm } from '../restore/confirm.ts'
import { findSource } from '../restore/find-source.ts'
import { formatPlan } from '../restore/format-plan.ts'
import { chooseOrganization, prepareOrganizations } from '../restore/map-organizations.ts'
import { openProgressLine } from '../restore/progress-line.ts'
import { type RestoreRequest, readRestoreRequest } from '../restore/read-restore-request.ts'
import { describeMissing, describeRow, formatReport, formatRow, type ReportRow, summarise } from '../restore/report.ts'
import { handOver, type RestoreEvents, type RunOne, runHere, runRestores } from '../restore/run-restores.ts'

/** Enough for any number of restorers, each of which has its own limit. */
const HANDED_OVER_AT_ONCE = 64

type RestoreCommandSettings = ReturnType<typeof loadRestoreSettings>

export async function restore(args: string[]): Promise<number> {
  // Something else altogether: it makes nothing new, and replaces what is there.
  if (args.includes('--annotations')) return (await import('./restore-annotations.ts')).restoreAnnotations(args)
  const request = readRestoreRequest(args)
  const settings = loadRestoreSettings()
  const target = findTarget(settings, request)
  const logger = openLogger(settings)
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const work: Work = { request, settings, target, logger, signal: stopping.signal, isHandedOver: false }
  try {
    return await runRestore(work)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    process.stderr.write(
      work.isHandedOver
        ? 'no longer following: the services go on with what they were given; the same command follows again\n'
        : 'interrupted: the same command goes on from here, and makes nothing twice\n',
    )
    return exitCodes.interrupted
  }
}

interface Work {
  readonly request: RestoreRequest
  readonly settings: RestoreCommandSettings
  readonly target: RestoreTarget
  readonly logger: Logger
  readonly signal: AbortSignal
  isHandedOver: boolean
}

async function runRestore(work: Work): Promise<number> {
  const { request, settings, target, logger, signal } = work
  const { backupDir } = settings.values.store
  await using scope = new AsyncDisposableStack()
  const store = openStore({ directory: backupDir })
  const source = await findSource(store, { wished: request.from, configured: settings.source?.url })
  const named = await findNamed(store, request)
  const chosen = await chooseRestorable(store, named, request, source)
  if (request.plan) {
    process.stdout.write(await formatPlan(chosen, { request, store, source, target: target.url }))
    return chosen.every(({ archive }) => archive) ? exitCodes.ok : exitCodes.failed
  }
  const cvat = scope.use(openCvatClient({ ...target, logger }))
  const { version } = await checkTarget(cvat, target, signal)
  if (!request.yes && target.url === source) await confirm(question(chosen, source), signal)
  await prepareTarget(chosen, work, cvat)
  const startedAtMs = Date.now()
  const restoreId = await beginRestore(
    store,
    describeRequest(request, named, source, target.url),
    target.url,
    request.again,
  )
  tell(
    request,
    `restoring from archives of ${source} to ${target.url} (CVAT ${version}) as ${restoreId.id}${restoreId.goesOn ? ', which was begun before' : ''}`,
  )
  const rows = await carryOut(chosen, restoreId.id, work, store, cvat, scope)
  await restoreId.end()
  const seconds = Math.round((Date.now() - startedAtMs) / 100) / 10
  const report = summarise({ restoreId: restoreId.id, source, target: target.url, seconds }, rows)
  process.stdout.write(request.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report))
  return report.ok ? exitCodes.ok : exitCodes.failed
}

function findTarget({ values, source }: RestoreCommandSettings, { to }: RestoreRequest): RestoreTarget {
  const target = chooseRestoreTarget(values.restore, source, to)
  if (target) return target
  throw new BackupError(to ? `There is no login for ${to}` : 'It is not said where to restore to', {
    code: 'configuration',
    retryable: false,
    hint: 'Set CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD, or CVAT_RESTORE_ACCESS_TOKEN, for the server of --to or CVAT_RESTORE_URL.',
  })
}

async function prepareTarget(
  chosen: readonly Restorable[],
  { request, signal }: Work,
  cvat: CvatClient,
): Promise<void> {
  const slugs = chosen.flatMap(({ archive }) => {
    const slug = archive && chooseOrganization(archive.record.observation.organization, request)
    return slug ? [slug] : []
  })
  await prepareOrganizations(new Set(slugs), cvat, request.createOrganizations, signal)
}

/** Gives the rows of the report, in the order in which they ended. */
async function carryOut(
  chosen: readonly Restorable[],
  restoreId: string,
  work: Work,
  store: Store,
  cvat: CvatClient,
  scope: AsyncDisposableStack,
): Promise<ReportRow[]> {
  const { request, target, signal } = work
  const rows: ReportRow[] = []
  const sizes = new Map(
    chosen.map(({ entity, archive }) => [formatEntity(entity), archive?.record.archive.sizeBytes ?? 0]),
  )
  const line = openProgressLine(process.stderr, chosen.length)
  scope.defer(line.close)
  const addRow = (row: ReportRow) => {
    rows.push(row)
    line.say(formatRow(row).trimEnd(), outputOf(request))
  }
  for (const { entity, name, archive, reason } of chosen) {
    if (!archive) addRow(describeMissing(formatEntity(entity), name, reason))
  }
  const events: RestoreEvents = {
    onProgress: line.onProgress,
    async onEnd(payload) {
      line.onEnd(payload)
      const state = await store.readRestoreState(restoreId, payload.entity)
      addRow(describeRow(payload, sizes.get(formatEntity(payload.entity)) ?? 0, state))
    },
  }
  const { runOne, atOnce } = await openRunner(work, store, cvat, events, scope)
  async function* payloads(): AsyncGenerator<RestorePayload> {
    for (const one of chosen) if (one.archive) yield describePayload(one, restoreId, request, target.url)
  }
  await runRestores(payloads(), atOnce, runOne, signal)
  return rows
}

/** By the restorer of running services, where it works for the same server; else here. */
async function openRunner(
  work: Work,
  store: Store,
  cvat: CvatClient,
  events: RestoreEvents,
  scope: AsyncDisposableStack,
): Promise<{ runOne: RunOne; atOnce: number }> {
  const { settings, target, logger } = work
  const queues = await findRunningQueues(settings)
  if (queues) {
    scope.defer(() => queues.close())
    if (await isTargetServed(queues.connection, target.url)) {
      const queue = openQueue(restoresQueue, queues.connection)
      scope.defer(() => queue.close())
      work.isHandedOver = true
      logger.info({ target: target.url }, 'handed over to the restorer of running services')
      return { runOne: handOver(queue, events), atOnce: HANDED_OVER_AT_ONCE }
    }
  }
  const { chunkBytes, importTimeoutMs, parallelRestores } = settings.values.restore
  const deps = { store, target: { url: target.url, cvat }, chunkBytes, importTimeoutMs, now: () => new Date() }
  return { runOne: runHere(deps, logger, events), atOnce: parallelRestores }
}

function describePayload(
  { entity, name, archive }: Restorable,
  restoreId: string,
  request: RestoreRequest,
  targetUrl: string,
): RestorePayload {
  const { fileName, sha256 } = archive!.record.archive
  return {
    restoreId,
    entity,
    archive: { fileName, sha256 },
    name,
    targetUrl,
    organization: chooseOrganization(archive!.record.observation.organization, request),
    repair: request.repair,
    ...(request.as === undefined ? {} : { as: request.as }),
    ...(request.at === undefined ? {} : { notAfter: request.at.toISOString() }),
  }
}

function question(chosen: readonly Restorable[], source: string): string {
  const count = chosen.filter(({ archive }) => archive).length
  const things = count === 1 ? '1 project or task' : `${count} projects and tasks`
  return `${things} from archives of ${source} will be made anew on ${source} itself, beside what is there: nothing is overwritten. Go on?`
}

function tell(request: RestoreRequest, text: string): void {
  outputOf(request).write(`${text}\n`)
}

/** With --json nothing but the report goes to standard output. */
function outputOf({ json }: RestoreRequest): NodeJS.WritableStream {
  return json ? process.stderr : process.stdout
}

function openLogger({ values, sources, secrets }: RestoreCommandSettings): Logger {
  const { level, format } = values.logging
  return createLogger({
    level: sources.LOG_LEVEL === 'default' ? 'fatal' : level,
    format,
    service: 'cvat-backups',
    secrets,
    destination: 2,
  })
}
