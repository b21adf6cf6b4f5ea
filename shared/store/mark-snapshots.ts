// What is found damaged among the archives of tasks is a fault of every snapshot that is made of it, and of every archive that
// takes its media from it: the next run must know.

import { type EntityRef, formatEntity, parseEntity } from '#shared/model/entity.ts'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities, listRecords } from './list-records.ts'
import { type ArchiveRecord, isSnapshot, isThin, type Problem } from './record.ts'
import { checkMedia, checkParts } from './snapshot-parts.ts'
import { updateVerification } from './update-record.ts'
import { PART_PROBLEMS } from './verify-judge.ts'

/** One archive of a task, by name. */
export function nameArchive(entity: EntityRef, fileName: string): string {
  return `${formatEntity(entity)}/${fileName.normalize('NFC')}`
}

/** Reads the records of all projects: for when something is damaged, which is rare. May run twice. */
export async function markSnapshots(
  files: FileOperations,
  layout: Layout,
  damaged: ReadonlySet<string>,
  now: Date,
): Promise<void> {
  const all = new Set([...damaged, ...(await markThin(files, layout, damaged, now))])
  for await (const entity of listEntities(files, layout)) {
    if (entity.type !== 'project') continue
    const { archives } = await listRecords(files, layout, entity)
    for (const archive of archives) {
      const { record, archivePath } = archive
      if (!isSnapshot(record)) continue
      const isMadeOf = record.snapshot.parts.some(({ taskId, archive: own, mediaFrom }) =>
        [own, ...(mediaFrom ? [mediaFrom] : [])].some(({ fileName }) =>
          all.has(nameArchive({ type: 'task', id: taskId }, fileName)),
        ),
      )
      if (!isMadeOf) continue
      const found = await checkParts(files, archivePath, record.snapshot.parts)
      await updateVerification(files, layout, archive, withProblems(found), now)
    }
  }
}

/** What takes its media from a damaged archive is no good backup either. @returns the names of these */
async function markThin(
  files: FileOperations,
  layout: Layout,
  damaged: ReadonlySet<string>,
  now: Date,
): Promise<string[]> {
  const marked: string[] = []
  for (const folder of new Set([...damaged].map((name) => name.slice(0, name.indexOf('/'))))) {
    const entity = parseEntity(folder)!
    const { archives } = await listRecords(files, layout, entity)
    for (const archive of archives) {
      const { record, archivePath } = archive
      if (!isThin(record) || !damaged.has(nameArchive(entity, record.mediaFrom.fileName))) continue
      marked.push(nameArchive(entity, record.archive.fileName))
      const found = await checkMedia(files, archivePath, record.mediaFrom)
      await updateVerification(files, layout, archive, withProblems(found), now)
    }
  }
  return marked
}

function withProblems(found: readonly Problem[]) {
  return ({ verification }: ArchiveRecord) => ({
    ...verification,
    problems: [...verification.problems.filter(({ code }) => !PART_PROBLEMS.has(code)), ...found],
  })
}
