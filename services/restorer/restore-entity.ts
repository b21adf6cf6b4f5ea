// One project or task from its archive to the target, exactly once: docs/decisions/0018-restore.md. May be killed
// anywhere and run again; what has been done is in the state file and, above all, on the target.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { contentBytes } from '#shared/store/record.ts'
import type { Difference, RestoreState } from '#shared/store/restore-state.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { bringToTarget } from './bring-to-target.ts'
import { nameOwnSettings } from './check-target.ts'
import { compareRestored } from './compare-restored.ts'
import { composeUpload } from './compose-upload.ts'
import { findByName } from './find-restored.ts'
import { cutName, makeMark, markName } from './mark-name.ts'
import { putBack } from './put-back.ts'
import type { RestoreContext, RestoreDeps, SentSource, Work } from './restore-work.ts'

export interface RestoreResult {
  /** On the target. */
  readonly restored: EntityRef
  readonly link: string
  readonly differences: readonly Difference[]
  readonly notes: readonly string[]
}

/** @throws BackupError whose code and hint say what to do; what is on the target then is told by {@link RestoreState} */
export async function restoreEntity(
  payload: RestorePayload,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<RestoreResult> {
  try {
    return await carryOut(payload, context, deps)
  } catch (error) {
    context.signal.throwIfAborted()
    throw nameOwnSettings(error, deps.target)
  }
}

async function carryOut(payload: RestorePayload, context: RestoreContext, deps: RestoreDeps): Promise<RestoreResult> {
  const { restoreId, entity } = payload
  if (payload.targetUrl !== deps.target.url) throw otherTarget(payload.targetUrl, deps.target.url)
  const earlier = await deps.store.readRestoreState(restoreId, entity)
  if (earlier?.state === 'done' && earlier.resultId !== undefined) return describeResult(earlier, deps)
  const archive = await findArchiveToGoOnWith(payload, earlier, deps.store)
  const mark = makeMark(restoreId, entity)
  // By this name it is looked for: where it may be there already, by that which it was sent with.
  const sentAs = mayBeOnTarget(earlier) ? earlier.markedName : undefined
  const { name } = archive.record.observation
  const markedName = sentAs ?? markName(cutName(payload.as ?? name), mark, deps.isDrill ? 'drill' : 'restore')
  const { fileName, sha256 } = archive.record.archive
  const source: SentSource = { archive: { fileName, sha256, sizeBytes: contentBytes(archive.record) }, name }
  const about = { ...(deps.isDrill ? {} : { source: archive.record.server.url }), archive: fileName }
  context.logger.info(about, earlier ? `going on with restoring ${entity.type} ${entity.id}` : 'restoring')
  const upload = await composeUpload(
    { archive, name: markedName, repair: payload.repair, notAfter: payload.notAfter },
    deps.store,
    context.signal,
  )
  let state: RestoreState = {
    formatVersion: 1,
    type: 'restore',
    restoreId,
    entity,
    targetUrl: deps.target.url,
    state: 'uploading',
    mark,
    startedAt: deps.now().toISOString(),
    ...source,
    ...(earlier && withoutFailure(earlier)),
    ...(mayBeOnTarget(earlier) ? {} : source),
    markedName,
    tasks: upload.tasks.length,
  }
  const save = async (change: Partial<RestoreState>) => {
    state = { ...state, ...change }
    await deps.store.writeRestoreState(state)
  }
  const work: Work = { payload, context, deps, upload, source, markedName, save, state: () => state }
  const resultId = await bringToTarget(work)
  const restored: EntityRef = { type: entity.type, id: resultId }
  await context.progress({ phase: 'compare' })
  const { differences, notes } = await finish(work, restored, archive, cutName(payload.as ?? state.name ?? name))
  await save({
    state: 'done',
    resultId,
    differences,
    notes: [...describeOther(state.archive.fileName, fileName), ...upload.notes, ...notes],
    endedAt: deps.now().toISOString(),
  })
  context.logger.info({ ...about, restored: formatEntity(restored), differences: differences.length }, 'restored')
  return describeResult(state, deps)
}

/** Compares, puts back what no archive holds, and takes the mark away: the last step on the target, so that a mark says that something is unfinished. */
async function finish(
  work: Work,
  restored: EntityRef,
  archive: StoredArchive,
  finalName: string,
): Promise<{ differences: Difference[]; notes: string[] }> {
  const { upload, markedName, deps, context, save } = work
  const { cvat, url } = deps.target
  const { signal } = context
  try {
    const names = [markedName, finalName]
    const differences = await compareRestored(restored, upload, archive.archivePath, names, cvat, signal)
    const made = await findByName(restored.type, markedName, cvat, signal)
    const twins = made.filter((id) => id !== restored.id).map((id) => ({ type: restored.type, id }))
    const all = [...upload.gaps, ...differences, ...twins.map((twin) => describeTwin(twin, url))]
    // By its mark a drill's next step knows that it may remove it; and a drill assigns nothing to anybody.
    if (deps.isDrill) return { differences: all, notes: [] }
    await context.progress({ phase: 'people' })
    const notes = await putBackWorkflow(restored, archive, work)
    await cvat.changes.rename(restored, finalName, signal)
    return { differences: all, notes }
  } catch (error) {
    if (!isNotFound(error) || !(await isGone(restored, cvat, signal))) throw error
    // Whoever removed it did not want it; the next try makes it anew.
    await save({ state: 'uploading', uploadName: undefined, requestId: undefined, resultId: undefined })
    throw new BackupError(`${formatEntity(restored)} was removed from ${url} before it was finished`, {
      code: 'gone-from-target',
      retryable: false,
      hint: 'The same command makes it anew.',
      cause: error,
    })
  }
}

/** From the sidecar that goes with the archive, or from the last one until the wished time. */
async function putBackWorkflow(
  restored: EntityRef,
  archive: StoredArchive,
  { payload, upload, deps, context }: Work,
): Promise<string[]> {
  const { workflows } = deps.store
  const { entity, record } = archive
  const moment = payload.notAfter === undefined ? { archive } : { serverUrl: record.server.url, at: payload.notAfter }
  try {
    const workflow = await workflows.find(entity, moment)
    if (!workflow) return []
    const rows = workflows.read(workflow, context.signal)
    return await putBack(restored, upload.tasks, rows, deps.target.cvat, context.signal)
  } catch (error) {
    if (!(error instanceof BackupError) || error.code !== 'damaged-workflow') throw error
    return [`not put back: stages, states and assignees: ${error.message}`]
  }
}

async function isGone({ type, id }: EntityRef, cvat: CvatClient, signal: AbortSignal): Promise<boolean> {
  try {
    await (type === 'project' ? cvat.getProject(id, signal) : cvat.getTask(id, signal))
    return false
  } catch (error) {
    if (isNotFound(error)) return true
    throw error
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof BackupError && error.code === 'not-found'
}

/** CVAT took an order of which the answer was lost so late that nothing had shown it. Never seen; never removed unasked. */
function describeTwin(twin: EntityRef, url: string): Difference {
  const what = `was made a second time, as ${formatEntity(twin)}: compare, and delete it: ${url}/${twin.type}s/${twin.id}`
  return { where: 'it', what }
}

/** It was made before its archive went, and can only be compared with another. */
function describeOther(madeOf: string, comparedWith: string): string[] {
  if (madeOf === comparedWith) return []
  return [`made of ${madeOf}, which is not there any more; compared with ${comparedWith}`]
}

function withoutFailure({ failure: _, endedAt: __, ...state }: RestoreState): RestoreState {
  return state
}

function mayBeOnTarget(earlier: RestoreState | undefined): earlier is RestoreState {
  return earlier !== undefined && earlier.state !== 'uploading'
}

/**
 * What may be on the target already was made of the archive of then: to that it is compared, though the command has chosen a newer
 * one since. Before that, and where that one is gone, it is the one that was chosen.
 */
async function findArchiveToGoOnWith(
  payload: RestorePayload,
  earlier: RestoreState | undefined,
  store: Store,
): Promise<StoredArchive> {
  if (!mayBeOnTarget(earlier)) return findArchive(payload, store)
  try {
    return await findArchive({ ...payload, archive: earlier.archive }, store)
  } catch (error) {
    if (!(error instanceof BackupError) || error.code !== 'no-archive') throw error
    return findArchive(payload, store)
  }
}

async function findArchive({ entity, archive }: RestorePayload, store: Store): Promise<StoredArchive> {
  const { archives } = await store.listRecords(entity)
  const found = archives.find(({ record }) => record.archive.fileName === archive.fileName)
  if (found?.record.archive.sha256 === archive.sha256) return found
  throw new BackupError(`${formatEntity(entity)} has no archive ${archive.fileName} (any more)`, {
    code: 'no-archive',
    retryable: false,
    hint: `cvat-backups show ${formatEntity(entity)} lists what there is.`,
  })
}

function describeResult(
  { entity, resultId, differences = [], notes = [] }: RestoreState,
  { target }: RestoreDeps,
): RestoreResult {
  const restored: EntityRef = { type: entity.type, id: resultId! }
  return { restored, link: `${target.url}/${restored.type}s/${restored.id}`, differences, notes }
}

function otherTarget(wanted: string, own: string): BackupError {
  return new BackupError(`refused: this restore is for ${wanted}, and the restorer's target is ${own}`, {
    code: 'other-target',
    retryable: false,
    hint: 'Set CVAT_RESTORE_URL and its login for the restorer, or call cvat-backups restore --to with that address.',
  })
}
