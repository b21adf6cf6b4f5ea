// What is found damaged among the archives of tasks is a fault of every snapshot that is made of it: the next run must know.

import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { FileOperations } from './file-operations.ts'
import type { Layout } from './layout.ts'
import { listEntities, listRecords } from './list-records.ts'
import { type ArchiveRecord, isSnapshot } from './record.ts'
import { checkParts } from './snapshot-parts.ts'
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
  for await (const entity of listEntities(files, layout)) {
    if (entity.type !== 'project') continue
    const { archives } = await listRecords(files, layout, entity)
    for (const archive of archives) {
      const { record, archivePath } = archive
      if (!isSnapshot(record)) continue
      const isMadeOf = record.snapshot.parts.some((part) =>
        damaged.has(nameArchive({ type: 'task', id: part.taskId }, part.archive.fileName)),
      )
      if (!isMadeOf) continue
      const found = await checkParts(files, archivePath, record.snapshot.parts)
      const change = ({ verification }: ArchiveRecord) => ({
        ...verification,
        problems: [...verification.problems.filter(({ code }) => !PART_PROBLEMS.has(code)), ...found],
      })
      await updateVerification(files, layout, archive, change, now)
    }
  }
}
