// Holds a stored archive against its record, by reading all of it anew.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/** True when size and SHA-256 are those of the record, every member's CRC is right and nothing is missing inside. */
export async function isWhatItsRecordSays({ archivePath, record }: StoredArchive): Promise<boolean> {
  const sha256 = createHash('sha256')
    .update(await readFile(archivePath))
    .digest('hex')
  const { content, entity } = record.series
  const inspection = await inspectArchive(archivePath, {
    content,
    entityType: entity.type,
    observation: record.observation,
  })
  return sha256 === record.archive.sha256 && sha256 === inspection.sha256 && inspection.level === 'complete'
}
