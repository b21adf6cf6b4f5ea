// `restore`: projects and tasks from their archives to a server, one or all of them.

import { checkTarget } from '#services/restorer/check-target.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import { beginRestore } from '#shared/restores/begin-restore.ts'
import { describeRequest } from '#shared/restores/describe-request.ts'
import type { Restorable } from '#shared/restores/list-restorable.ts'
import { contentBytes } from '#shared/store/record.ts'
import { exitCodes } from '../exit-codes.ts'
import { chooseRestorable, findNamed } from '../restore/choose-restorable.ts'
import { confirm } from '../restore/confirm.ts'
import { formatPlan } from '../restore/format-plan.ts'
import { interruptible } from '../restore/interruptible.ts'
import { chooseOrganization, prepareOrganizations } from '../restore/map-organizations.ts'
import { openRunner } from '../restore/open-runner.ts'
import { openSurroundings, type Surroundings } from '../restore/open-surroundings.ts'
import { openProgressLine } from '../restore/progress-line.ts'
import { type RestoreRequest, readRestoreRequest } from '../restore/read-restore-request.ts'
import { describeMissing, describeRow, formatReport, formatRow, type ReportRow, summarise } from '../restore/report.ts'
import { type RestoreEvents, runRestores } from '../restore/run-restores.ts'

export async function restore(args: string[]): Promise<number> {
  // Something else altogether: it makes nothing new, and replaces what is there.
  if (args.includes('--annotations')) return (await import('./restore-annotations.ts')).restoreAnnotations(args)
  const request = readRestoreRequest(args)
  let isHandedOver = false
  const onHandOver = () => {
    isHandedOver = true
  }
  return interruptible(
    (signal) => runRestore(request, onHandOver, signal),
    () =>
      isHandedOver
        ? 'no longer following: the services go on with what they were given; the same command follows again'
        : 'interrupted: the same command goes on from here, and makes nothing twice',
  )
}

async function runRestore(request: RestoreRequest, onHandOver: () => void, signal: AbortSignal): Promise<number> {
  await using scope = new AsyncDisposableStack()
  const surroundings = await openSurroundings(request, scope)
  const { store, source, target } = surroundings
  const named = await findNamed(store, request)
  const chosen = await chooseRestorable(store, named, request, source)
  if (request.plan) {
    process.stdout.write(await formatPlan(chosen, { request, store, source, target: target.url }))
    return chosen.every(({ archive }) => archive) ? exitCodes.ok : exitCodes.failed
  }
  const { version } = await checkTarget(target, signal)
  if (!request.yes && target.url === source) await confirm(question(chosen, source), signal)
  await prepareOrganizations(listSlugs(chosen, request), target.cvat, request.createOrganizations, signal)
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
  const work: Work = { request, restoreId: restoreId.id, surroundings, scope, onHandOver, signal }
  const rows = await carryOut(chosen, work)
  await restoreId.end()
  const seconds = Math.round((Date.now() - startedAtMs) / 100) / 10
  const report = summarise({ restoreId: restoreId.id, source, target: target.url, seconds }, rows)
  process.stdout.write(request.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report))
  return report.ok ? exitCodes.ok : exitCodes.failed
}

interface Work {
  readonly request: RestoreRequest
  readonly restoreId: string
  readonly surroundings: Surroundings
  readonly scope: AsyncDisposableStack
  readonly onHandOver: () => void
  readonly signal: AbortSignal
}

/** Of the organizations that something goes to. */
function listSlugs(chosen: readonly Restorable[], request: RestoreRequest): Set<string> {
  const slugs = chosen.flatMap(({ archive }) => {
    const slug = archive && chooseOrganization(archive.record.observation.organization, request)
    return slug ? [slug] : []
  })
  return new Set(slugs)
}

/** Gives the rows of the report, in the order in which they ended. */
async function carryOut(chosen: readonly Restorable[], work: Work): Promise<ReportRow[]> {
  const { request, restoreId, surroundings, scope, onHandOver, signal } = work
  const { store, target } = surroundings
  const rows: ReportRow[] = []
  const sizes = new Map(
    chosen.map(({ entity, archive }) => [formatEntity(entity), archive ? contentBytes(archive.record) : 0]),
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
  const { runOne, atOnce } = await openRunner(surroundings, { ...events, onHandOver }, scope)
  async function* payloads(): AsyncGenerator<RestorePayload> {
    for (const one of chosen) if (one.archive) yield describePayload(one, restoreId, request, target.url)
  }
  await runRestores(payloads(), atOnce, runOne, signal)
  return rows
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
