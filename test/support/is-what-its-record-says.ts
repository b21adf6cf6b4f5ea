// Holds a stored archive against its record, by reading all of it anew.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { isSnapshot } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/** Of a snapshot: the project part, and that all its parts are there; they are archives by themselves. True when size and SHA-256 are those of the record, every member's CRC is right and nothing is missing inside. */
export async function isWhatItsRecordSays({ archivePath, record }: StoredArchive): Promise<boolean> {
  const sha256 = createHash('sha256')
    .update(await readFile(archivePath))
    .digest('hex')
  const { content, entity } = record.series
  const inspection = await inspectArchive(archivePath, {
    content,
    entityType: entity.type,
    observation: isSnapshot(record) ? { ...record.observation, tasks: [] } : record.observation,
  })
  if (isSnapshot(record)) {
    const store = openStore({ directory: dirname(dirname(archivePath)) })
    if ((await store.checkParts({ entity, parts: record.snapshot.parts })).length > 0) return false
  }
  return sha256 === record.archive.sha256 && sha256 === inspection.sha256 && inspection.level === 'complete'
}
