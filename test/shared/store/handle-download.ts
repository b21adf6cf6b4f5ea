// What the downloader's handler does with the store, without a server: takes over, writes, verifies, stores, cleans up.

import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Store } from '#shared/store/open-store.ts'
import { observe } from './plan-backup.ts'
import { backupOfProject6, makeArchive, project6, serverUrl } from './store-fixture.ts'

export const downloadId = 'run-1.project-6.backup'
const askedAt = '2026-11-22T20:34:44.500Z'

/** May be killed anywhere and run again, like the handler. */
export async function handleDownload(store: Store): Promise<void> {
  const backupId = downloadId
  await store.recoverEntity(project6, { isActive: (id) => id !== backupId })
  if (!(await store.findByBackupId(project6, backupId))) await fetchAndStore(store, backupId)
  await store.discardPartials(backupId)
}

async function fetchAndStore(store: Store, backupId: string): Promise<void> {
  const bytes = makeArchive()
  const origin = { askedAt, etag: '"1"', totalBytes: bytes.length }
  await using partial =
    (await store.takePartial({ backupId, askedAt })) ?? (await store.createPartial(backupId, origin))
  const half = Math.floor(bytes.length / 2)
  for (const end of [half, bytes.length]) {
    if (partial.sizeBytes < end) await partial.write(bytes.subarray(partial.sizeBytes, end))
  }
  await partial.finish()
  const observation = { ...observe(3), name: 'alpha' }
  await store.commitArchive({
    partialPath: partial.path,
    inspection: await inspectArchive(partial.path, { entityType: 'project', content: { kind: 'backup' }, observation }),
    series: backupOfProject6,
    server: { url: serverUrl, version: '2.64.1' },
    observation,
    createdAt: askedAt,
    origin: { runId: 'run-1', backupId, attempts: 1 },
  })
}
