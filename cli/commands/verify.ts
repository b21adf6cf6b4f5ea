// `verify`: reads stored archives again and holds them against their records. Needs neither CVAT nor Redis.

import { relative } from 'node:path'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import type { ReferenceFinding } from '#shared/store/check-references.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import type { VerifyEvent } from '#shared/store/verify-pass.ts'
import { exitCodes } from '../exit-codes.ts'
import { loadStoreSettings } from '../load-all-settings.ts'
import { readVerifyRequest, type VerifyRequest } from '../read-verify-request.ts'
import {
  openJsonView,
  openTextView,
  type VerifyFinding,
  type VerifyTotals,
  type VerifyView,
} from '../view/verify-view.ts'

export async function verify(args: string[]): Promise<number> {
  const startedAt = new Date()
  const request = readVerifyRequest(args, startedAt)
  const store = openStore({ directory: loadStoreSettings().values.store.backupDir })
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  await assertNamedAreThere(store, request)
  const { level, checkedBefore, json } = request
  const view = json
    ? openJsonView(process.stdout, { level, checkedBefore })
    : openTextView(process.stdout, store.directory)
  const totals: VerifyTotals = {
    archives: 0,
    due: 0,
    dueBytes: 0,
    checked: 0,
    checkedBytes: 0,
    intact: 0,
    damaged: 0,
    failed: 0,
    damagedWorkflows: 0,
  }
  const end = (error?: string) => {
    const durationMs = Date.now() - startedAt.getTime()
    view.end(totals, { durationMs, interrupted: stopping.signal.aborted, error })
  }
  try {
    const events = store.verifyArchives({ ...request, startedAt, signal: stopping.signal })
    for await (const event of events) show(event, totals, view, store.directory)
    if (!request.entities) {
      for await (const finding of store.checkReferences(stopping.signal))
        showReference(finding, totals, view, store.directory)
    }
  } catch (error) {
    end(stopping.signal.aborted ? undefined : describeError(error))
    if (!stopping.signal.aborted) throw error
    if (!json) process.stdout.write(explainGoingOn(request, startedAt))
    return exitCodes.interrupted
  }
  end()
  return totals.damaged + totals.failed + totals.damagedWorkflows === 0 ? exitCodes.ok : exitCodes.failed
}

/** A misspelt id must not end as «all intact». */
async function assertNamedAreThere(store: Store, { entities = [] }: VerifyRequest): Promise<void> {
  for (const entity of entities) {
    const { archives, unrecognised } = await store.listRecords(entity)
    if (archives.length + unrecognised.length > 0) continue
    throw new BackupError(`there are no archives of ${formatEntity(entity)} in ${store.directory}`, {
      code: 'no-archives',
      retryable: false,
      hint: '`cvat-backups list` shows what is there.',
    })
  }
}

function show(event: VerifyEvent, totals: VerifyTotals, view: VerifyView, directory: string): void {
  if (event.what === 'scanned') {
    const { archives, due, dueBytes } = event.scan
    Object.assign(totals, { archives, due, dueBytes })
    view.onStart(totals)
    return
  }
  if (event.what === 'checking') {
    view.onArchive(relative(directory, event.archive.archivePath), totals)
    return
  }
  if (event.what === 'checked') {
    totals.checked++
    totals.checkedBytes += event.archive.sizeBytes
    if (event.judgement.verdict === 'intact') totals.intact++
    else totals.damaged++
  } else if (event.what === 'damaged-workflow') {
    totals.damagedWorkflows++
  } else {
    totals.failed++
  }
  const finding = describeFinding(event, directory)
  if (finding) view.onFinding(finding)
}

/** What is unused is told and no fault: the next sweep, or one after it, removes it. */
function showReference(finding: ReferenceFinding, totals: VerifyTotals, view: VerifyView, directory: string): void {
  const { what, entity } = finding
  const path = relative(directory, finding.path)
  if (what === 'missing-part') totals.failed++
  const message =
    what === 'missing-part'
      ? `it is made of ${finding.part}, which is not there`
      : 'no snapshot is made of it; the retention rules decide when it goes'
  view.onFinding({ what, entity: formatEntity(entity), path, code: what, message })
}

function describeFinding(
  event: Exclude<VerifyEvent, { what: 'scanned' | 'checking' }>,
  directory: string,
): VerifyFinding | undefined {
  const at = (path: string) => relative(directory, path)
  if (event.what === 'checked') {
    const { verdict, found } = event.judgement
    if (verdict === 'intact') return undefined
    const more = found.length > 3 ? [`and ${found.length - 3} more`] : []
    const message = [...found.slice(0, 3).map((problem) => problem.message), ...more].join('; ')
    const { archivePath } = event.archive
    return { what: verdict, ...about(event.archive), path: at(archivePath), code: found[0]?.code ?? verdict, message }
  }
  if (event.what === 'failed') {
    const { archive, error } = event
    const path = at(archive.archivePath)
    return { what: 'failed', ...about(archive), path, code: error.code, message: describeError(error) }
  }
  if (event.what === 'unreadable-folder') {
    const { error } = event
    const path = formatEntity(event.entity)
    return { what: event.what, ...about(event), path, code: error.code, message: describeError(error) }
  }
  const message = event.what === 'damaged-workflow' ? event.message : STRAYS[event.what]
  return { what: event.what, ...about(event), path: at(event.path), code: event.what, message }
}

const STRAYS = {
  'missing-archive': 'the record is there and its archive is not',
  'missing-record': 'the archive is there and its record is not: nothing says what it should be',
  'broken-record': 'the record cannot be read, so nothing says what its archive should be',
}

function about({ entity }: { entity: Parameters<typeof formatEntity>[0] }) {
  return { entity: formatEntity(entity) }
}

function explainGoingOn({ all }: VerifyRequest, startedAt: Date): string {
  const how = all ? `with --since ${startedAt.toISOString()} in place of --all` : 'again'
  return `What was checked is noted in the records: call it ${how} to go on.\n`
}
