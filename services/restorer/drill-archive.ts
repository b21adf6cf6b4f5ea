// One archive of a drill: restored under a marked name, compared, removed again, and the proof written beside it.

import { setTimeout as sleep } from 'node:timers/promises'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { DrillRow } from '#shared/store/drill-report.ts'
import { contentBytes } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { cleanOne } from './clean-drills.ts'
import { makeMark } from './mark-name.ts'
import { restoreEntity } from './restore-entity.ts'
import type { RestoreContext, RestoreDeps } from './restore-work.ts'

export interface Drill {
  readonly drillId: string
  readonly targetVersion: string
}

/** Faults of the archive, or of a CVAT that takes it for one. After all others nothing is known of the archive. */
const ARCHIVE_FAULTS = new Set([
  'import-failed',
  'not-restorable',
  'bit-rot',
  'not-a-zip',
  'truncated-archive',
  'damaged-archive',
  'damaged-member',
  'archive-changed',
])
/** A server in trouble, by what its import worker's last line says. */
const SERVER_IN_TROUBLE =
  /no space left|disk quota|memoryerror|operationalerror|connectionerror|connection refused|connection reset|timed? ?out|redis|psycopg|permissionerror|read-only file system/i
/** Whatever comes next would meet it too. */
const FATAL = new Set(['forbidden', 'login-failed', 'no-endpoint', 'not-cvat'])
const TRIES = 3

/**
 * Never throws for an archive's sake: how it went is in the row. @throws BackupError for what would meet every further
 * archive as well (a login that may not write); the signal's reason
 */
export async function drillArchive(
  archive: StoredArchive,
  drill: Drill,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<DrillRow> {
  const startedMs = performance.now()
  const { record, entity } = archive
  const common = {
    entity: formatEntity(entity),
    name: record.observation.name,
    archive: record.archive.fileName,
    sha256: record.archive.sha256,
    mark: makeMark(drill.drillId, entity),
    sizeBytes: contentBytes(record),
  }
  const outcome = await tryRestoring(archive, drill, context, deps)
  const at = deps.now().toISOString()
  const { differences, notes, fault, isArchives } = outcome
  const row: DrillRow = {
    ...common,
    at,
    seconds: 0,
    result: fault ? (isArchives ? 'refused' : 'failed') : differences.length > 0 ? 'differs' : 'restored',
    differences,
    notes,
    ...(fault ? { code: fault.code, reason: fault.message, ...(fault.hint ? { hint: fault.hint } : {}) } : {}),
  }
  // Before anything is removed: a crash in between costs no proof.
  if (row.result !== 'failed') {
    await deps.store.recordDrill(archive, {
      at,
      drillId: drill.drillId,
      target: deps.target.url,
      targetVersion: drill.targetVersion,
      ok: row.result === 'restored',
      differences,
      notes,
      ...(row.reason === undefined ? {} : { reason: row.reason }),
    })
  }
  await context.progress({ phase: 'remove' })
  const left = await removeAgain(archive, drill, context, deps)
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10
  tellLog({ ...row, seconds, ...(left ? { left } : {}) }, context)
  if (fault && FATAL.has(fault.code)) throw explainFatal(fault, deps.target.url)
  return { ...row, seconds, ...(left ? { left } : {}) }
}

interface Outcome {
  readonly differences: DrillRow['differences']
  readonly notes: string[]
  readonly fault?: { readonly code: string; readonly message: string; readonly hint?: string | undefined }
  readonly isArchives?: boolean
}

async function tryRestoring(
  { entity, record }: StoredArchive,
  { drillId }: Drill,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<Outcome> {
  const { fileName, sha256 } = record.archive
  const payload = {
    restoreId: drillId,
    entity,
    archive: { fileName, sha256 },
    name: record.observation.name,
    targetUrl: deps.target.url,
    // Where only this login and administrators see it, and no webhook of an organization tells of it.
    organization: null,
    // What --repair mends a restore can mend: it is told, and does not make the archive a bad one.
    repair: true,
  }
  for (let attempt = 1; ; attempt++) {
    try {
      const { differences, notes } = await restoreEntity(payload, context, { ...deps, isDrill: true })
      // What an earlier drill had found is what this one looks into.
      const known = record.verification.problems.map(({ message }) => message)
      return { differences: [...differences], notes: notes.filter((note) => !known.includes(note)) }
    } catch (error) {
      context.signal.throwIfAborted()
      const expected = error instanceof BackupError ? error : undefined
      if (expected?.retryable && attempt < TRIES) {
        context.logger.warn({ err: error, attempt }, 'will be tried again')
        await sleep(1_000 * 2 ** attempt, undefined, { signal: context.signal })
        continue
      }
      const fault = { code: expected?.code ?? 'unexpected', message: describeError(error), hint: expected?.hint }
      const isArchives = ARCHIVE_FAULTS.has(fault.code) && !SERVER_IN_TROUBLE.test(fault.message)
      return { differences: [], notes: [], fault, isArchives }
    }
  }
}

/** @returns what is still there, in words */
async function removeAgain(
  { entity }: StoredArchive,
  { drillId }: Drill,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<string | undefined> {
  const state = await deps.store.readRestoreState(drillId, entity)
  if (!state) return undefined
  const { reason, isOver } = await cleanOne(state, context, deps)
  if (isOver) await deps.store.forgetDrilled(drillId, entity)
  return reason
}

function tellLog({ entity, archive, result, differences, reason, left }: DrillRow, { logger }: RestoreContext): void {
  const fields = { entity, archive, differences: differences.slice(0, 10), reason }
  if (result === 'restored') logger.info({ entity, archive }, 'drilled: it restores, and nothing differs')
  else if (result === 'failed') logger.error(fields, 'the drill could not be carried out')
  else logger.error(fields, 'the drill has FAILED: this archive does not restore as it should')
  if (left !== undefined) logger.error({ entity, left }, 'the drill has left something on the target')
}

function explainFatal(fault: NonNullable<Outcome['fault']>, url: string): BackupError {
  if (fault.code !== 'forbidden') {
    return new BackupError(fault.message, { code: fault.code, retryable: false, hint: fault.hint })
  }
  return new BackupError(`This login may not create projects and tasks on ${url}: ${fault.message}`, {
    code: 'forbidden',
    retryable: false,
    hint: 'A drill needs a login that may write: set CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD, or CVAT_RESTORE_ACCESS_TOKEN. That for backups may stay as it is. Nothing was made, and nothing is known of the archive.',
  })
}
