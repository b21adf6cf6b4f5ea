// Holds all snapshots against all archives of tasks, by names: parts that are named and not there, and parts that no snapshot
// names. Nothing but names is read, and the records of what nothing names.

import { relative } from 'node:path'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { contentOfFile } from './archive-name.ts'
import { DigestSet } from './digest-set.ts'
import { type FileOperations, findFileSize, hasErrno } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities, listRecords } from './list-records.ts'
import { type PartReferences, readPartReferences } from './part-references.ts'
import { isGood, isSnapshot, isThin } from './record.ts'
import { mediaPath, partPath } from './snapshot-parts.ts'
import { withStoreErrors } from './store-errors.ts'
import { PART_PROBLEMS } from './verify-judge.ts'

export type ReferenceFinding =
  /**
   * A snapshot, or an archive without media, names it, and it is not there. Told unless the record says so already.
   */
  | { readonly what: 'missing-part'; readonly entity: EntityRef; readonly path: string; readonly part: string }
  /** It was made for snapshots, none of them names it, and a newer one is there: retention decides about it. */
  | { readonly what: 'unreferenced-part'; readonly entity: EntityRef; readonly path: string }

/** Memory: eight bytes for each archive of a task. @throws BackupError when the directory cannot be read */
export async function* checkReferences(
  files: FileOperations,
  layout: Layout,
  signal: AbortSignal,
): AsyncGenerator<ReferenceFinding> {
  const references = await readPartReferences(files, layout, { signal })
  const present = new DigestSet()
  for await (const entity of listEntities(files, layout)) {
    if (entity.type !== 'task') continue
    signal.throwIfAborted()
    const names = await listArchiveNames(files, layout.entityFolder(entity))
    for (const name of names) present.add(keyOf(entity, name))
    if (names.some((name) => !references.has(entity.id, name) || contentOfFile(name) === 'without-media')) {
      yield* checkTask(files, layout, entity, references)
    }
  }
  if (references.snapshots === 0) return
  for await (const entity of listEntities(files, layout)) {
    if (entity.type !== 'project') continue
    signal.throwIfAborted()
    const { archives } = await listRecords(files, layout, entity)
    for (const { record, archivePath } of archives) {
      if (!isSnapshot(record)) continue
      const known = record.verification.problems.flatMap(({ code, taskId }) => (PART_PROBLEMS.has(code) ? taskId : []))
      for (const part of record.snapshot.parts) {
        if (known.includes(part.taskId)) continue
        const task: EntityRef = { type: 'task', id: part.taskId }
        for (const archive of [part.archive, ...(part.mediaFrom ? [part.mediaFrom] : [])]) {
          if (present.has(keyOf(task, archive.fileName))) continue
          const path = partPath(archivePath, { taskId: part.taskId, archive })
          // It may have come since.
          if (await isThere(files, path)) continue
          yield { what: 'missing-part', entity, path: archivePath, part: relative(layout.directory, path) }
        }
      }
    }
  }
}

async function listArchiveNames(files: FileOperations, folder: string): Promise<string[]> {
  try {
    const names = await files.readdir(folder)
    return names.filter((name) => {
      const content = contentOfFile(name)
      return content === 'backup' || content === 'without-media'
    })
  } catch (error) {
    // A folder that went, or one that cannot be read, which whoever reads its records tells.
    if (hasErrno(error, 'ENOENT', 'EACCES', 'EIO', 'ENOTDIR')) return []
    throw error
  }
}

async function* checkTask(
  files: FileOperations,
  layout: Layout,
  entity: EntityRef,
  references: PartReferences,
): AsyncGenerator<ReferenceFinding> {
  const { archives } = await listRecords(files, layout, entity)
  const withMedia = new Set(archives.flatMap(({ record }) => record.mediaFrom?.fileName.normalize('NFC') ?? []))
  const seen = new Set<string>()
  for (const { record, archivePath } of archives) {
    if (isThin(record) && !record.verification.problems.some(({ code }) => PART_PROBLEMS.has(code))) {
      const path = mediaPath(archivePath, record.mediaFrom)
      const part = relative(layout.directory, path)
      if (!(await isThere(files, path))) yield { what: 'missing-part', entity, path: archivePath, part }
    }
    const { url } = record.server
    const { fileName } = record.archive
    const isNewest = isGood(record) && !seen.has(url)
    if (isGood(record)) seen.add(url)
    if (isNewest || !record.origin.part || withMedia.has(fileName.normalize('NFC'))) continue
    if (!references.has(entity.id, fileName)) yield { what: 'unreferenced-part', entity, path: archivePath }
  }
}

async function isThere(files: FileOperations, path: string): Promise<boolean> {
  return withStoreErrors(`Looking for ${path}`, async () => (await findFileSize(files, path)) !== undefined)
}

function keyOf(entity: EntityRef, fileName: string): string {
  return `${formatEntity(entity)}/${fileName.normalize('NFC')}`
}
