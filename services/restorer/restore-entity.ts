// One project or task from its archive to the target, exactly once: docs/decisions/0018-restore.md. May be killed
// anywhere and run again; what has been done is in the state file and, above all, on the target.

import type { Logger } from 'pino'
import type { CvatClient, UploadPurpose } from '#shared/cvat/client.ts'
import { pollRequest } from '#shared/cvat/poll-request.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { RestorePayload } from '#shared/queues/restores-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { RestoreState } from '#shared/store/restore-state.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { checkSources } from './check-sources.ts'
import { compareRestored } from './compare-restored.ts'
import { composeUpload, type Upload } from './compose-upload.ts'
import { awaitActiveImports, findByName } from './find-restored.ts'
import { cutName, makeMark, markName } from './mark-name.ts'
import { uploadArchive } from './upload-archive.ts'

export interface RestoreDeps {
  readonly store: Store
  readonly target: {
    /** Normalised. */
    readonly url: string
    readonly cvat: CvatClient
  }
  readonly chunkBytes: number
  readonly importTimeoutMs: number
  readonly now: () => Date
}

export interface RestoreContext {
  readonly signal: AbortSignal
  readonly logger: Logger
  progress(progress: object): Promise<void>
}

export interface RestoreResult {
  /** On the target. */
  readonly restored: EntityRef
  readonly link: string
  readonly differences: readonly { readonly where: string; readonly what: string }[]
  readonly notes: readonly string[]
}

/** An import whose answer was lost is asked for again so often, always after making sure that there is none. */
const MOST_IMPORTS = 5

export async function restoreEntity(
  payload: RestorePayload,
  context: RestoreContext,
  deps: RestoreDeps,
): Promise<RestoreResult> {
  const { restoreId, entity } = payload
  if (payload.targetUrl !== deps.target.url) throw otherTarget(payload.targetUrl, deps.target.url)
  const earlier = await deps.store.readRestoreState(restoreId, entity)
  if (earlier?.state === 'done' && earlier.resultId !== undefined) return describeResult(earlier, deps)
  const archive = await findArchive(payload, deps.store)
  const mark = makeMark(restoreId, entity)
  const finalName = cutName(payload.as ?? archive.record.observation.name)
  const markedName = markName(finalName, mark)
  const upload = await composeUpload(
    { archive, name: markedName, repair: payload.repair, notAfter: payload.notAfter },
    deps.store,
    context.signal,
  )
  let state: RestoreState = (earlier && withoutFailure(earlier)) ?? {
    formatVersion: 1,
    type: 'restore',
    restoreId,
    entity,
    targetUrl: deps.target.url,
    archive: payload.archive,
    state: 'uploading',
    mark,
    startedAt: deps.now().toISOString(),
  }
  const save = async (change: Partial<RestoreState>) => {
    state = { ...state, ...change }
    await deps.store.writeRestoreState(state)
  }
  const work: Work = { payload, context, deps, archive, upload, markedName, save, state: () => state }
  const resultId = await bringToTarget(work)
  const restored: EntityRef = { type: entity.type, id: resultId }
  await context.progress({ phase: 'compare' })
  const differences = await compareRestored(
    restored,
    upload,
    archive.archivePath,
    markedName,
    deps.target.cvat,
    context.signal,
  )
  await deps.target.cvat.changes.rename(restored, finalName, context.signal)
  await save({ state: 'done', resultId, differences, notes: [...upload.notes], endedAt: deps.now().toISOString() })
  context.logger.info({ restored: formatEntity(restored), differences: differences.length }, 'restored')
  return describeResult(state, deps)
}

function withoutFailure({ failure: _, endedAt: __, ...state }: RestoreState): RestoreState {
  return state
}

interface Work {
  readonly payload: RestorePayload
  readonly context: RestoreContext
  readonly deps: RestoreDeps
  readonly archive: StoredArchive
  readonly upload: Upload
  readonly markedName: string
  save(change: Partial<RestoreState>): Promise<void>
  state(): RestoreState
}

/** The id on the target of what has the marked name: found there, or made. */
async function bringToTarget(work: Work): Promise<number> {
  const { payload, context, deps, upload, save, state } = work
  const { signal } = context
  for (let imports = 0; imports < MOST_IMPORTS; imports++) {
    const present = await findPresent(work)
    if (present !== undefined) {
      await save({ state: 'imported', resultId: present })
      return present
    }
    if (imports === 0 && state().uploadName === undefined) await checkSources(upload, context)
    const purpose = purposeOf(payload)
    const isSame = state().planDigest === upload.digest
    const uploadName = await uploadArchive(
      {
        purpose,
        fileName: `${formatEntity(payload.entity)}.zip`,
        archive: upload.archive,
        uploadName: isSame ? state().uploadName : undefined,
        onCreated: (name) =>
          save({
            state: 'uploading',
            uploadName: name,
            planDigest: upload.digest,
            sizeBytes: upload.archive.sizeBytes,
            requestId: undefined,
          }),
        onProgress: (sentBytes) => tellProgress(context, sentBytes, upload.archive.sizeBytes),
        chunkBytes: deps.chunkBytes,
      },
      deps.target.cvat.uploads,
      signal,
    )
    // Written before it is asked for: whoever finds this looks at the target first.
    await save({ state: 'importing', importAskedAt: deps.now().toISOString() })
    const resultId = await importUploaded(work, uploadName)
    if (resultId === undefined) continue
    await save({ state: 'imported', resultId })
    return resultId
  }
  throw new BackupError('CVAT has lost the import again and again', {
    code: 'import-lost',
    retryable: true,
    hint: `Nothing of it is on the target. Look at the log of CVAT's import worker.`,
  })
}

/** What an earlier attempt has made. An import that may be under way is waited for. */
async function findPresent({ payload, context, deps, markedName, state }: Work): Promise<number | undefined> {
  const { state: how, requestId, resultId } = state()
  if (how === 'imported' && resultId !== undefined) return resultId
  if (how !== 'importing') return undefined
  const { cvat } = deps.target
  const { signal } = context
  if (requestId !== undefined) {
    const known = await followImport(requestId, { deps, context, state }).catch(ifUnknown)
    if (known !== undefined) return known
  }
  const find = () => findByName(payload.entity.type, markedName, cvat, signal)
  const present = await find()
  if (present !== undefined) return present
  await awaitActiveImports(cvat, signal)
  return find()
}

/** The id of what was made; undefined when it is not known whether anything was: the next round looks for it. */
async function importUploaded(work: Work, uploadName: string): Promise<number | undefined> {
  const { payload, context, deps, save } = work
  try {
    const { requestId } = await deps.target.cvat.uploads.finish(purposeOf(payload), uploadName, context.signal)
    await save({ requestId })
    await context.progress({ phase: 'import' })
    return await followImport(requestId, work)
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof BackupError) || !UNCERTAIN.has(error.code)) throw error
    context.logger.warn({ err: error }, 'it is not known whether CVAT imports: looking for what it has made')
    return undefined
  }
}

const UNCERTAIN = new Set([
  'unreachable',
  'timeout',
  'server-error',
  'unknown-request',
  'unexpected-answer',
  'import-worker-died',
])

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

function explainFailedImport(message: string): BackupError {
  if (/work-horse terminated|abandonedjoberror/i.test(message)) {
    return new BackupError(`CVAT's import worker died: ${message}`, { code: 'import-worker-died', retryable: true })
  }
  const isStaticCache = /without cache but with random\/predefined/i.test(message)
  return new BackupError(`CVAT's import failed: ${message || 'no reason given'}`, {
    code: 'import-failed',
    retryable: false,
    hint: isStaticCache
      ? 'restore --repair changes the one field that this server refuses, in what is uploaded; the archive stays as it is.'
      : 'Nothing of it is on the target: CVAT takes an import back as a whole. docs/restore.md lists what CVAT refuses.',
  })
}

function ifUnknown(error: unknown): undefined {
  if (error instanceof BackupError && (error.code === 'unknown-request' || error.code === 'import-worker-died')) return
  throw error
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

function purposeOf({ entity, organization }: RestorePayload): UploadPurpose {
  return { what: 'backup', type: entity.type, organization }
}

function tellProgress(context: RestoreContext, sentBytes: number, totalBytes: number): void {
  void context.progress({ phase: 'upload', sentBytes, totalBytes }).catch(() => undefined)
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
