// Puts any zip into a store as if it had been downloaded just now.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { ArchiveContent } from '#shared/model/series.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { Problem } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { serverUrl } from './store-fixture.ts'

export interface FileToStore {
  /** Or the name of a fixture. */
  readonly bytes: Uint8Array | string
  readonly entity: EntityRef
  readonly observation: Observation
  readonly createdAt?: string
  readonly content?: ArchiveContent
  readonly serverUrl?: string
  /** What the server would have been asked about. */
  readonly problems?: readonly Problem[]
}

let count = 0

export async function storeFile(store: Store, file: FileToStore): Promise<StoredArchive> {
  const { entity, observation, content = { kind: 'backup' } } = file
  const backupId = `run-1.${entity.type}-${entity.id}.${count++}`
  const bytes =
    typeof file.bytes === 'string'
      ? await readFile(join(import.meta.dirname, '../../fixtures/archives', file.bytes))
      : file.bytes
  await using partial = await store.createPartial(backupId)
  await partial.write(Buffer.from(bytes))
  await partial.finish()
  const inspection = await inspectArchive(partial.path, { entityType: entity.type, content, observation })
  const { recordPath, archivePath, record } = await store.commitArchive({
    partialPath: partial.path,
    inspection: { ...inspection, problems: [...inspection.problems, ...(file.problems ?? [])] },
    series: { entity, content },
    server: { url: file.serverUrl ?? serverUrl, version: '2.64.1' },
    observation,
    createdAt: file.createdAt ?? '2026-11-22T20:34:44.500Z',
    origin: { runId: 'run-1', backupId, attempts: 1 },
  })
  return { entity, recordPath, archivePath, record }
}
