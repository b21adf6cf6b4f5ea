// Writes the project part of a snapshot and commits it with its parts: nothing is named that is not there, whole and verified.

import { z } from 'zod'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { LabelDescription } from '#shared/cvat/description-calls.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { SnapshotPayload } from '#shared/queues/snapshots-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Inspection } from '#shared/store/inspection.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isGood, isSnapshot, type SnapshotPart } from '#shared/store/record.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import type { FoundPart } from './find-parts.ts'
import { assertSnapshotGood, describeParts } from './judge-snapshot.ts'
import { noteWorkflow, type TakeWorkflowDeps } from './take-workflow.ts'
import type { PreviousGuide } from './write-guide-assets.ts'
import { type ProjectPart, writeProjectPart } from './write-project-part.ts'

export interface CommitSnapshotDeps extends Omit<TakeWorkflowDeps, 'store'> {
  readonly cvat: CvatClient
  readonly store: Store
  readonly serverVersion: (signal: AbortSignal) => Promise<string>
}

export interface SnapshotDraft {
  readonly job: SnapshotPayload
  readonly observation: Observation
  /** When observing began, just before the parts were looked up; milliseconds since 1970. */
  readonly observedAtMs: number
  /** The project's, read before it was observed. */
  readonly labels: readonly LabelDescription[]
  readonly parts: readonly FoundPart[]
  /** Tasks that have changed again since their parts were made for this snapshot. */
  readonly drifted: ReadonlySet<number>
  /** Why a task has no archive of the state that was observed. */
  readonly failed: ReadonlyMap<number, string>
}

/**
 * Retention keeps what has ceased to be a task's newest archive for two days more (services/sweeper/protect-parts.ts), so
 * that it is still there when this snapshot is committed. That must be long over by then.
 */
const MOST_MS = 3600_000

/**
 * @throws BackupError `parts-failed` after a snapshot was stored that is not good; retryable `parts-gone` when a part has gone
 * meanwhile, `changed-meanwhile` when the labels have changed; what writing and asking the server may throw
 */
export async function commitSnapshot(
  draft: SnapshotDraft,
  context: JobContext<SnapshotPayload>,
  deps: CommitSnapshotDeps,
): Promise<{ archive: StoredArchive; note: string | undefined }> {
  const { job, observation, observedAtMs } = draft
  const { series, backupId, runId } = job
  const { entity } = series
  const { signal } = context
  await context.progress({ phase: 'project part' })
  const serverVersion = await deps.serverVersion(signal)
  await using partial = await deps.store.createPartial(backupId)
  try {
    const previous = await findPreviousGuide(series, deps)
    const made = await writeProjectPart(entity.id, {
      cvat: deps.cvat.descriptions,
      path: partial.path,
      previous,
      signal,
    })
    assertSameLabels(made, draft)
    const projectPart = await inspectProjectPart(partial.path, made, observation, signal)
    const createdAt = new Date(observedAtMs).toISOString()
    // Before the snapshot, so that none is stored without it where it can be had.
    const note = await noteWorkflow({ ...job, serverVersion, askedAt: createdAt }, context, deps)
    const { parts, rows, inspection } = describeParts(draft, projectPart, made.warnings)
    await assertThere(parts, draft, deps)
    // From here on a few short steps: they are finished even when the service stops.
    const archive = await deps.store.commitArchive({
      partialPath: partial.path,
      inspection,
      series,
      server: { url: deps.serverUrl, version: serverVersion },
      observation: { ...observation, tasks: rows },
      createdAt,
      origin: { runId, backupId, attempts: context.attempt },
      snapshot: { updatedDate: made.updatedDate, parts, ...(made.guide && { guide: made.guide }) },
    })
    await assertStillThere(archive, parts, deps)
    const { fileName: file } = archive.record.archive
    context.logger.info({ file, parts: parts.length }, 'snapshot stored')
    assertSnapshotGood(archive.record, draft.failed)
    return { archive, note }
  } catch (error) {
    await partial.discard().catch(() => undefined)
    throw error
  }
}

/** What writeProjectPart tells of a guide, as the record of a snapshot has it. */
const guideNoteSchema = z.object({
  id: z.int(),
  assets: z.array(
    z.object({
      uuid: z.string(),
      fileName: z.string(),
      uploadName: z.string(),
      sizeBytes: z.int().nonnegative(),
      crc32: z.int().nonnegative(),
      uploadedMs: z.number().nullable(),
    }),
  ),
})

/** Pictures of a guide do not change: those of the newest snapshot are copied. */
async function findPreviousGuide(
  series: SnapshotPayload['series'],
  { store, serverUrl }: CommitSnapshotDeps,
): Promise<PreviousGuide | undefined> {
  const url = normaliseServerUrl(serverUrl)
  const { archives } = await store.listRecords(series.entity)
  const newest = archives.find(({ record }) => isSnapshot(record) && isGood(record) && record.server.url === url)
  const guide = guideNoteSchema.safeParse(newest?.record.snapshot?.guide)
  return newest && guide.success ? { archivePath: newest.archivePath, guide: guide.data } : undefined
}

async function inspectProjectPart(
  path: string,
  made: ProjectPart,
  observation: Observation,
  signal: AbortSignal,
): Promise<Inspection> {
  const inspection = await inspectArchive(path, {
    entityType: 'project',
    content: { kind: 'backup' },
    observation: { ...observation, tasks: [] },
    signal,
  })
  if (inspection.sha256 !== made.sha256) {
    throw new BackupError('the file on the disk differs from what was written', {
      code: 'disk-error',
      retryable: true,
      hint: 'Check the disk or the network mount of CVAT_BACKUP_DIR.',
    })
  }
  const [problem] = inspection.problems
  if (!problem) return inspection
  throw new BackupError(`the project part of the snapshot is not sound: ${problem.message}`, {
    code: 'damaged',
    retryable: true,
  })
}

/** A project part with other labels than its tasks' archives would not be restored. The next look finds the tasks changed. */
function assertSameLabels(made: ProjectPart, { job, labels }: SnapshotDraft): void {
  if (JSON.stringify(made.labels) === JSON.stringify(labels)) return
  throw new BackupError(`the labels of project ${job.series.entity.id} were changed while its snapshot was made`, {
    code: 'changed-meanwhile',
    retryable: true,
    hint: 'It is tried again, with its tasks as they are then.',
  })
}

async function assertThere(
  parts: readonly SnapshotPart[],
  { job, observedAtMs }: SnapshotDraft,
  { store }: CommitSnapshotDeps,
): Promise<void> {
  const [problem] = await store.checkParts({ entity: job.series.entity, parts })
  if (problem) throw partsGone(problem.message)
  if (Date.now() - observedAtMs > MOST_MS) throw partsGone('it took more than an hour since they were looked up')
}

/** Should the impossible have happened, nothing is left that names what is not there. Nobody was told of it yet. */
async function assertStillThere(
  archive: StoredArchive,
  parts: readonly SnapshotPart[],
  { store }: CommitSnapshotDeps,
): Promise<void> {
  const [problem] = await store.checkParts({ entity: archive.entity, parts })
  if (!problem) return
  await store.removeArchive(archive)
  throw partsGone(problem.message)
}

function partsGone(why: string): BackupError {
  return new BackupError(`the archives of its tasks are not what they were when they were looked up: ${why}`, {
    code: 'parts-gone',
    retryable: true,
    hint: 'It is tried again. Does something else remove files from the backup directory?',
  })
}
