// The part of a project's archive that lies in no task's folder, made from what the API tells: the guide's pictures, the
// guide, project.json. It is what CVAT exports of a project without tasks, and restores as one.

import type { FileHandle } from 'node:fs/promises'
import { composeGuide } from '#shared/composition/compose-guide.ts'
import { composeProjectJson } from '#shared/composition/compose-project-json.ts'
import { openZipWriter } from '#shared/composition/write-zip.ts'
import type { DescriptionCalls, GuideDescription, LabelDescription } from '#shared/cvat/description-calls.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { type FileOperations, realFiles } from '#shared/store/file-operations.ts'
import { hashFile } from '#shared/store/hash-file.ts'
import type { Problem } from '#shared/store/record.ts'
import { toStoreError } from '#shared/store/store-errors.ts'
import { syncFile } from '#shared/store/sync-to-disk.ts'
import { type GuideNote, type PreviousGuide, writeGuideAssets } from './write-guide-assets.ts'

export interface ProjectPart {
  readonly sizeBytes: number
  /** Hex digits; the same content has the same bytes, whenever it was written. */
  readonly sha256: string
  /** The project's own date when it was read. */
  readonly updatedDate: string
  /** As project.json has them. */
  readonly labels: readonly LabelDescription[]
  readonly guide: GuideNote | null
  /** `guide-asset-gone`: the text names a picture that the server does not have (any more). */
  readonly warnings: readonly Problem[]
}

export interface ProjectPartOptions {
  readonly cvat: DescriptionCalls
  /** An empty file, which is written by position; brought to the disk and closed when this resolves. */
  readonly path: string
  readonly files?: Pick<FileOperations, 'open'> | undefined
  /**
   * The project part of an earlier snapshot. Pictures are taken from it: on the server they are made and removed, never
   * changed (CVAT's API has no such call).
   */
  readonly previous?: PreviousGuide | undefined
  readonly signal: AbortSignal
}

/** A project that people work on moves its date every few seconds; that its name, labels and guide do is rare. */
const MOST_READINGS = 5

/**
 * Three requests, and one for each further 500 labels; with a guide one more, and one for each picture that `previous` does
 * not have. If the project changes meanwhile, it is read again, until two readings agree. Memory: labels and text.
 *
 * @throws BackupError `not-found` or `forbidden` where the project has gone or is not ours to see, `changed-meanwhile`
 * (retryable) where no two readings agreed, and what calls and writing may throw
 */
export async function writeProjectPart(projectId: number, options: ProjectPartOptions): Promise<ProjectPart> {
  const { cvat, path, signal, files = realFiles } = options
  let read = await readTwice(projectId, cvat, signal)
  for (let round = 1; ; round++) {
    const written = await writeZip(read, options)
    // A picture that is gone may have been taken out of the guide a moment ago.
    const now = written.warnings.length === 0 ? read : await readOnce(projectId, cvat, signal)
    if (isSame(read, now)) {
      const { sizeBytes, guide, warnings } = written
      const sha256 = await hashFile(files as FileOperations, path, signal)
      return { sizeBytes, sha256, updatedDate: now.updatedDate, labels: now.labels, guide, warnings }
    }
    if (round === MOST_READINGS) throw changedMeanwhile(projectId)
    read = now
  }
}

interface Reading {
  readonly updatedDate: string
  readonly json: string
  readonly labels: readonly LabelDescription[]
  readonly guide: GuideDescription | null
}

async function readTwice(projectId: number, cvat: DescriptionCalls, signal: AbortSignal): Promise<Reading> {
  let before = await readOnce(projectId, cvat, signal)
  for (let round = 1; round < MOST_READINGS; round++) {
    const { updated_date } = await cvat.getProject(projectId, signal)
    if (updated_date === before.updatedDate) return before
    const now = await readOnce(projectId, cvat, signal)
    if (isSame(before, now)) return now
    before = now
  }
  throw changedMeanwhile(projectId)
}

async function readOnce(projectId: number, cvat: DescriptionCalls, signal: AbortSignal): Promise<Reading> {
  const project = await cvat.getProject(projectId, signal)
  const labels = await cvat.listLabels(projectId, signal)
  const guide = project.guide_id === null ? null : await findGuide(project.guide_id, cvat, signal)
  return { updatedDate: project.updated_date, json: composeProjectJson(project, labels), labels, guide }
}

/** Null: it was removed a moment ago; then the project has another date by now, and is read again. */
async function findGuide(id: number, cvat: DescriptionCalls, signal: AbortSignal): Promise<GuideDescription | null> {
  return cvat.getGuide(id, signal).catch((error) => {
    if (error instanceof BackupError && error.code === 'not-found') return null
    throw error
  })
}

function isSame(a: Reading, b: Reading): boolean {
  return a.json === b.json && a.guide?.id === b.guide?.id && a.guide?.markdown === b.guide?.markdown
}

interface WrittenPart {
  readonly sizeBytes: number
  readonly guide: GuideNote | null
  readonly warnings: readonly Problem[]
}

async function writeZip({ json, guide }: Reading, options: ProjectPartOptions): Promise<WrittenPart> {
  const { path, files = realFiles } = options
  let file: FileHandle | undefined
  try {
    file = await files.open(path, 'r+')
    await file.truncate(0)
    const zip = openZipWriter(file)
    const warnings: Problem[] = []
    const assets = guide ? await writeGuideAssets(zip, guide.markdown, options, warnings) : []
    const text =
      guide && (await zip.addMember('annotation_guide.md', [Buffer.from(composeGuide(guide.markdown, assets))]))
    const last = await zip.addMember('project.json', [Buffer.from(json)])
    // As CVAT's database has them: as they were uploaded, as far as whole seconds tell.
    const uploaded = assets.toSorted((a, b) => (a.uploadedMs ?? 0) - (b.uploadedMs ?? 0))
    await zip.finish([...uploaded.map(({ facts }) => facts), ...(text ? [text] : []), last])
    await syncFile(file)
    const notes = assets.map(({ facts: _, ...note }) => note)
    return { sizeBytes: zip.sizeBytes, guide: guide && { id: guide.id, assets: notes }, warnings }
  } catch (error) {
    throw toStoreError(error, `Writing ${path}`)
  } finally {
    await file?.close()
  }
}

function changedMeanwhile(projectId: number): BackupError {
  return new BackupError(`Project ${projectId} changed each time that its settings, labels and guide were read`, {
    code: 'changed-meanwhile',
    retryable: true,
    hint: 'Somebody, or a script, keeps changing its name, labels or guide. It is tried again later.',
  })
}
