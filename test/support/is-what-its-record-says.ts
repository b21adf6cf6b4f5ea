// Holds a stored archive against its record, by reading all of it anew.

import { createHash } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore } from '#shared/store/open-store.ts'
import { isSnapshot, isThin } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'

/**
 * Of a snapshot: the project part, and that all its parts are there; they are archives by themselves. Of an archive without media:
 * the whole that it makes with those. True when size and SHA-256 are those of the record, every member's CRC is right and nothing
 * is missing inside.
 */
export async function isWhatItsRecordSays(archive: StoredArchive): Promise<boolean> {
  const { archivePath, record } = archive
  const sha256 = createHash('sha256')
    .update(await readFile(archivePath))
    .digest('hex')
  if (sha256 !== record.archive.sha256) return false
  const { entity } = record.series
  const store = openStore({ directory: dirname(dirname(archivePath)) })
  if (isSnapshot(record) && (await store.checkParts({ entity, parts: record.snapshot.parts })).length > 0) return false
  if (!isThin(record)) return isComplete(archive, archivePath)
  if ((await store.checkMedia(archive)).length > 0) return false
  const folder = await mkdtemp(join(tmpdir(), 'cvat-backups-whole-'))
  try {
    const path = join(folder, 'whole.zip')
    const composed = await openComposedArchive({ parts: [planFolder(archive, '', '')] })
    await using file = await open(path, 'wx')
    for await (const chunk of composed.stream()) await file.write(chunk)
    return await isComplete(archive, path, record.mediaFrom.mediaSha256)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function isComplete({ record }: StoredArchive, path: string, media?: string): Promise<boolean> {
  const { content, entity } = record.series
  const inspection = await inspectArchive(path, {
    content,
    entityType: entity.type,
    observation: isSnapshot(record) ? { ...record.observation, tasks: [] } : record.observation,
    digestsMedia: media !== undefined,
  })
  return inspection.level === 'complete' && inspection.mediaSha256 === media
}
