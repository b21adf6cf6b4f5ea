// Archives with their records, written straight into a backup directory: names and records by the store's own code, the
// bytes an empty zip. Synchronous and without fsync: a hundred thousand of them are to be there soon.

import { hash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import { formatArchiveBase } from '#shared/store/archive-name.ts'
import { type ArchiveRecord, archiveRecordSchema } from '#shared/store/record.ts'
import { normaliseServerUrl } from '#shared/store/server-url.ts'

export interface ArchiveInput {
  readonly entity: EntityRef
  readonly serverUrl: string
  readonly observation: Observation
  /** ISO 8601 UTC. */
  readonly createdAt: string
  /** What is wrong with it; nothing unless told. */
  readonly problems?: ArchiveRecord['verification']['problems']
}

/** The folder must not hold an archive of this entity and second. */
export function writeArchive(directory: string, input: ArchiveInput): ArchiveRecord {
  const { entity, observation, createdAt } = input
  const bytes = emptyZip(`${formatEntity(entity)} ${createdAt}`)
  const sha256 = hash('sha256', bytes)
  const content = { kind: 'backup' } as const
  const base = formatArchiveBase({ createdAt, content, name: observation.name, sha256 })
  const runId = `bench-${createdAt.replaceAll(/\D/g, '')}`
  const perTask = observation.tasks.map(({ id, name, size }, position) => ({
    ...{ position, taskId: id, name, frames: size, annotations: size },
  }))
  const record = archiveRecordSchema.parse({
    formatVersion: 1,
    type: 'archive',
    archive: { fileName: `${base}.zip`, sizeBytes: bytes.length, sha256 },
    series: { entity, content },
    server: { url: normaliseServerUrl(input.serverUrl), version: '2.64.1' },
    observation,
    createdAt,
    members: { count: perTask.length * 4 + 1, perTask },
    verification: { level: 'fresh', checkedAt: createdAt, problems: input.problems ?? [], warnings: [] },
    origin: { runId, backupId: `${runId}.${formatEntity(entity)}.backup`, attempts: 1 },
  })
  const folder = join(directory, formatEntity(entity))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${base}.json`), `${JSON.stringify(record, null, 2)}\n`)
  writeFileSync(join(folder, `${base}.zip`), bytes)
  return record
}

/** The record of the end of a zip without members, with a comment that makes it like no other. */
function emptyZip(comment: string): Buffer {
  const text = Buffer.from(comment)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(text.length, 20)
  return Buffer.concat([end, text])
}
