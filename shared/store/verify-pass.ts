// One pass over stored archives: re-checks those that are due, the longest unchecked first, and tells of each.

import { basename } from 'node:path'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { EntityRef } from '#shared/model/entity.ts'
import { type FileOperations, isNameTaken } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities, listRecords } from './list-records.ts'
import { markSnapshots, nameArchive } from './mark-snapshots.ts'
import { readFolders } from './read-folders.ts'
import { readJsonIfThere } from './read-json.ts'
import { archiveRecordSchema } from './record.ts'
import { withStoreErrors } from './store-errors.ts'
import type { StoredArchive } from './stored-archive.ts'
import { type CheckLevel, verifyArchive } from './verify-archive.ts'
import type { Judgement } from './verify-judge.ts'
import { type DueArchive, type Place, type Scan, type ScanFinding, scanDue } from './verify-scan.ts'
import { checkWorkflows, type WorkflowFinding } from './verify-workflows.ts'

export interface VerifyOptions {
  readonly level: CheckLevel
  /** Only archives last checked before this. */
  readonly checkedBefore: Date
  /** When the pass began; for one that is taken up again, when its first attempt did. */
  readonly startedAt: Date
  /** Only these; all when absent. */
  readonly entities?: readonly EntityRef[] | undefined
  /** From what is stored to the bytes to check: the pass ends with the archive that reaches them. No limit when absent. */
  readonly chooseBudget?: (scan: Scan) => number
  readonly signal: AbortSignal
}

export type VerifyEvent =
  /** First of all: how much there is, and how much of it is due. */
  | { readonly what: 'scanned'; readonly scan: Scan; readonly budgetBytes: number }
  | { readonly what: 'checking'; readonly archive: DueArchive }
  | { readonly what: 'checked'; readonly archive: DueArchive; readonly judgement: Judgement }
  /** Could not be read, or what was found not be written into its record: its turn comes again with the next pass. */
  | { readonly what: 'failed'; readonly archive: DueArchive; readonly error: BackupError }
  /** A sidecar of the archive just checked, or one that is torn: told again by each pass until it is gone. */
  | WorkflowFinding
  | ScanFinding

/** Archives planned at a time. With more due, the records are read again for the next so many: memory stays flat. */
const BATCH = 5_000

/**
 * May be stopped and run again at any time: each record says when its archive was last checked, so a second pass goes on
 * where the first one stopped. Archives are read one at a time, and never changed.
 *
 * @throws BackupError when the directory as a whole cannot be read; the signal's reason
 */
export async function* verifyArchives(
  files: FileOperations,
  layout: Layout,
  now: () => Date,
  options: VerifyOptions,
  batch = BATCH,
): AsyncGenerator<VerifyEvent> {
  const damaged = new Set<string>()
  try {
    for await (const event of checkDue(files, layout, now, options, batch)) {
      if (event.what === 'checked' && event.judgement.verdict === 'damaged' && event.archive.entity.type === 'task') {
        damaged.add(nameArchive(event.archive.entity, basename(event.archive.archivePath)))
      }
      yield event
    }
  } finally {
    // Also of a pass that was stopped: these are not due again.
    if (damaged.size > 0) await markSnapshots(files, layout, damaged, now())
  }
}

async function* checkDue(
  files: FileOperations,
  layout: Layout,
  now: () => Date,
  options: VerifyOptions,
  batch: number,
): AsyncGenerator<VerifyEvent> {
  let leftBytes = Number.POSITIVE_INFINITY
  let after: Place | undefined
  for (;;) {
    const findings: ScanFinding[] = []
    // An absent directory is a lost mount, not an empty one.
    await assertThere(files, layout)
    const onFinding = (finding: ScanFinding) => findings.push(finding)
    const folders = readFolders(
      options.entities ?? listEntities(files, layout),
      (entity) => listRecords(files, layout, entity),
      options.signal,
    )
    const scan = await scanDue(folders, { ...options, after, limit: batch, now: now(), onFinding })
    if (!after) {
      if (options.chooseBudget) leftBytes = options.chooseBudget(scan)
      yield { what: 'scanned', scan, budgetBytes: Math.min(leftBytes, scan.dueBytes) }
      for (const finding of findings) if (await isStillSo(files, finding)) yield finding
    }
    for (const archive of scan.first) {
      if (leftBytes <= 0) return
      options.signal.throwIfAborted()
      yield { what: 'checking', archive }
      yield* checkOne(files, layout, archive, now, options)
      leftBytes -= archive.sizeBytes
    }
    if (scan.due === scan.first.length) return
    after = scan.first.at(-1)!.place
  }
}

async function* checkOne(
  files: FileOperations,
  layout: Layout,
  archive: DueArchive,
  now: () => Date,
  options: VerifyOptions,
): AsyncGenerator<VerifyEvent> {
  try {
    const stored = await readStored(files, archive)
    const verified = stored && (await verifyArchive(files, layout, stored, { ...options, now }))
    // Removed since it was listed: retention is at work.
    if (!verified) return
    yield { what: 'checked', archive, judgement: verified.judgement }
    if (verified.recordError) yield { what: 'failed', archive, error: verified.recordError }
    yield* checkWorkflows(files, layout, stored, options.signal)
  } catch (error) {
    options.signal.throwIfAborted()
    if (!(error instanceof BackupError)) throw error
    // With the directory itself gone every further archive would fail as well.
    await assertThere(files, layout)
    yield { what: 'failed', archive, error }
  }
}

async function readStored(files: FileOperations, archive: DueArchive): Promise<StoredArchive | undefined> {
  const { entity, archivePath, recordPath } = archive
  return withStoreErrors('Reading a record', async () => {
    const parsed = archiveRecordSchema.safeParse(await readJsonIfThere(files, recordPath))
    return parsed.success ? { entity, archivePath, recordPath, record: parsed.data } : undefined
  })
}

async function assertThere(files: FileOperations, layout: Layout): Promise<void> {
  await withStoreErrors(`Opening the backup directory ${layout.directory}`, () => files.lstat(layout.privateFolder))
}

/** A removal or a commit in another process passes through states that look like a loss. */
async function isStillSo(files: FileOperations, finding: ScanFinding): Promise<boolean> {
  if (finding.what === 'unreadable-folder') return true
  return withStoreErrors('Looking again', async () => {
    if (!(await isNameTaken(files, finding.path))) return false
    if (finding.what === 'broken-record') return true
    const other = finding.path.replace(/\.(zip|json)$/, (ending) => (ending === '.zip' ? '.json' : '.zip'))
    return !(await isNameTaken(files, other))
  })
}
