// From bytes to a project or task on the target, once: finds what an earlier attempt has made, uploads, lets it be
// imported, and finds out what has become of an import whose answer was lost (docs/decisions/0018-restore.md).

import { setTimeout as sleep } from 'node:timers/promises'
import type { UploadPurpose } from '#shared/cvat/client.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import { checkSources } from './check-sources.ts'
import { explainFailedImport } from './explain-failed-import.ts'
import { awaitActiveImports, findByName } from './find-restored.ts'
import type { Work } from './restore-work.ts'
import { uploadArchive } from './upload-archive.ts'

/** Uploads that were lost, and imports whose end was: each time it is made sure that nothing was made. */
const MOST_ROUNDS = 8
/** Damage on the way is rare; an archive that CVAT cannot read twice it cannot read at all. */
const MOST_DAMAGED = 2
const SETTLE_MS = 5_000
const LOOK_EVERY_MS = 1_000

/** The id on the target of what has the marked name: found there, or made. */
export async function bringToTarget(work: Work): Promise<number> {
  const { context, upload, save, state } = work
  let damaged = 0
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const present = await findMade(work)
    if (present !== undefined) return noteImported(work, present)
    if (round === 0 && state().uploadName === undefined) await checkSources(upload, context)
    const uploadName = await bringBytes(work)
    // Written before it is asked for: whoever finds this looks at the target first.
    await save({ state: 'importing', importAskedAt: work.deps.now().toISOString(), requestId: undefined })
    try {
      const { requestId } = await work.deps.target.cvat.uploads.finish(
        purposeOf(work.payload),
        uploadName,
        context.signal,
      )
      await save({ requestId })
      await context.progress({ phase: 'import' })
      return await noteImported(work, await followImport(requestId, work))
    } catch (error) {
      context.signal.throwIfAborted()
      if (!(error instanceof BackupError)) throw error
      if (error.code === 'upload-gone' || (error.code === 'upload-damaged' && ++damaged < MOST_DAMAGED)) {
        context.logger.warn({ err: error }, 'it is uploaded once more')
        await beginAnew(work)
        continue
      }
      if (!UNCERTAIN.has(error.code)) throw await giveUp(work, error)
      context.logger.warn({ err: error }, 'it is not known whether CVAT imports: looking for what it has made')
    }
  }
  throw new BackupError('CVAT has lost the upload or the import again and again', {
    code: 'import-lost',
    retryable: true,
    hint: `Look at the log of CVAT's import worker.`,
  })
}

/** After these nobody but the target knows whether it imports, or has imported. */
const UNCERTAIN = new Set([
  'unreachable',
  'timeout',
  'server-error',
  'unknown-request',
  'unexpected-answer',
  'import-worker-died',
])

/** What an earlier attempt has made. An import that may be under way is waited for. */
export async function findMade(work: Omit<Work, 'upload' | 'source'>): Promise<number | undefined> {
  const { payload, context, deps, markedName, state } = work
  const { state: how, requestId, resultId } = state()
  if (how === 'imported' && resultId !== undefined) return resultId
  if (how !== 'importing') return undefined
  const { cvat } = deps.target
  const { signal } = context
  await context.progress({ phase: 'look' })
  if (requestId !== undefined) {
    try {
      return await followImport(requestId, work)
    } catch (error) {
      if (!(error instanceof BackupError) || error.code === 'upload-damaged') throw error
      if (error.code === 'import-failed') throw await giveUp(work, error)
      if (error.code !== 'unknown-request' && error.code !== 'import-worker-died') throw error
    }
  }
  const find = async () => (await findByName(payload.entity.type, markedName, cvat, signal))[0]
  const present = await find()
  if (present !== undefined) return present
  const askedAtMs = Date.parse(state().importAskedAt ?? deps.now().toISOString())
  const settleMs = askedAtMs + (deps.settleMs ?? SETTLE_MS) - deps.now().getTime()
  if (settleMs > 0) await sleep(Math.min(settleMs, SETTLE_MS), undefined, { signal })
  const patience = { readKnown: () => listOthers(work), pauseMs: LOOK_EVERY_MS, timeoutMs: deps.importTimeoutMs }
  await awaitActiveImports(cvat, patience, signal)
  return find()
}

/** Requests that other parts of this restore have made: not ours, so not to be waited for. */
async function listOthers({ payload, deps }: Pick<Work, 'payload' | 'deps'>): Promise<Set<string>> {
  const ids = new Set<string>()
  const own = formatEntity(payload.entity)
  for await (const { entity, requestId } of deps.store.listRestoreStates(payload.restoreId)) {
    if (requestId !== undefined && formatEntity(entity) !== own) ids.add(requestId)
  }
  return ids
}

async function bringBytes({ payload, context, deps, upload, source, save, state }: Work): Promise<string> {
  const { sizeBytes } = upload.archive
  const isSame = state().planDigest === upload.digest
  return uploadArchive(
    {
      purpose: purposeOf(payload),
      fileName: `${formatEntity(payload.entity)}.zip`,
      archive: upload.archive,
      uploadName: isSame ? state().uploadName : undefined,
      onCreated: (uploadName) =>
        save({ ...source, state: 'uploading', uploadName, planDigest: upload.digest, sizeBytes, requestId: undefined }),
      onProgress: (sentBytes) => {
        void context.progress({ phase: 'upload', sentBytes, totalBytes: sizeBytes }).catch(() => undefined)
      },
      chunkBytes: deps.chunkBytes,
    },
    deps.target.cvat.uploads,
    context.signal,
  )
}

async function followImport(
  requestId: string,
  { deps, context, state }: Pick<Work, 'deps' | 'context' | 'state'>,
): Promise<number> {
  const request = await pollRequest(
    requestId,
    {
      cvat: deps.target.cvat,
      askedAtMs: Date.parse(state().importAskedAt ?? deps.now().toISOString()),
      timeoutMs: deps.importTimeoutMs,
      timeoutSetting: 'CVAT_RESTORE_TIMEOUT_HOURS',
    },
    context.signal,
  )
  if (request.status === 'finished' && request.resultId !== null) return request.resultId
  throw explainFailedImport(request.message)
}

async function noteImported({ save }: Work, resultId: number): Promise<number> {
  await save({ state: 'imported', resultId })
  return resultId
}

/** Nothing is on the target: the next attempt, by the same command or by hand, begins with the upload. */
async function beginAnew({ save }: Pick<Work, 'save'>): Promise<void> {
  await save({ state: 'uploading', uploadName: undefined, requestId: undefined })
}

async function giveUp(work: Pick<Work, 'save'>, error: BackupError): Promise<BackupError> {
  if (error.code === 'import-failed' || error.code === 'upload-damaged') await beginAnew(work)
  return error
}

function purposeOf({ entity, organization }: RestorePayload): UploadPurpose {
  return { what: 'backup', type: entity.type, organization }
}
