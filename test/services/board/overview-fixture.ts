// A server whose projects are in every state that the overview knows, as runs would have noted it, and a board that shows it.

import { openExcludedTable } from '#shared/protection/excluded-table.ts'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { openStore } from '#shared/store/open-store.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import { writeArchive } from '../../support/write-archives.ts'

export const serverUrl = 'https://cvat.example.com'
const HOUR_MS = 3600_000

export interface Planted {
  readonly id: number
  readonly name: string
  readonly state: string
}

/** 1 protected, 2 late, 3 failed, 4 never, 5 excluded, 6 deleted, 7 unknown; 8 stale, 9 incomplete. */
export const planted: readonly Planted[] = [
  { id: 1, name: 'Street scenes', state: 'protected' },
  { id: 2, name: 'Warehouse forklifts', state: 'late' },
  { id: 3, name: 'Crop rows', state: 'failed' },
  { id: 4, name: 'Shelf products <b>', state: 'never' },
  { id: 5, name: 'Scratch pad', state: 'excluded' },
  { id: 6, name: 'Old pilot', state: 'deleted' },
  { id: 7, name: 'Elsewhere', state: 'unknown' },
  { id: 8, name: 'Night drives', state: 'stale' },
  { id: 9, name: 'Harbour', state: 'incomplete' },
]

export async function plantStates(connection: QueueConnection, nowMs = Date.now()) {
  const directory = await makeTemporaryFolder()
  const store = openStore({ directory })
  await store.checkDirectory()
  const ago = (hours: number) => nowMs - hours * HOUR_MS
  const write = (id: number, hours: number, more: object = {}) =>
    writeArchive(directory, {
      entity: { type: 'project', id },
      serverUrl,
      createdAt: new Date(ago(hours)).toISOString(),
      observation: observe(id, new Date(ago(hours + 1)).toISOString()),
      ...more,
    })
  for (const id of [1, 2, 3, 6, 7, 8]) write(id, 30)
  write(1, 5)
  write(8, 2, { problems: [{ code: 'stale', message: 'task 24 changed since', taskId: 24 }] })
  write(9, 2, { problems: [{ code: 'no-media', message: 'task 27 has no media', taskId: 27 }] })
  await store.writeDeletedMarker({ type: 'project', id: 6 }, serverUrl)

  const protection = openProtectionTable(connection)
  await protection.noteSchedules([{ mode: 'p', cron: '0 * * * *' }], 'UTC')
  const archive = (hours: number) => ({ createdAtMs: ago(hours), sizeBytes: 22, level: 'fresh' })
  const sighting = (id: number, found: 'protected' | 'due', hours?: number) => ({
    series: { entity: { type: 'project', id } as const, content: { kind: 'backup' } as const },
    name: planted.find((one) => one.id === id)!.name,
    organization: id % 2 === 0 ? 'robotics' : null,
    link: `${serverUrl}/projects/${id}`,
    found,
    archive: hours === undefined ? undefined : archive(hours),
  })
  await protection.noteListed('p', ago(0.1), [
    sighting(1, 'protected', 5),
    sighting(2, 'due', 30),
    sighting(3, 'due', 30),
    sighting(4, 'due'),
    sighting(8, 'due', 30),
    sighting(9, 'due'),
  ])
  const failure = { result: 'failed', code: 'export-failed', reason: 'OSError: no space' } as const
  await protection.noteAttempt('project-3.backup', failure)
  await protection.noteAttempt('project-9.backup', { result: 'failed', code: 'incomplete', reason: 'no media' })
  await protection.endListing('p', ago(0.1), new AbortController().signal)
  const excluded = openExcludedTable(connection)
  const left = { entity: { type: 'project', id: 5 } as const, name: 'Scratch pad', organization: null }
  await excluded.note('p', ago(0.1), [{ ...left, link: `${serverUrl}/projects/5` }])
  return { directory, store, protection, excluded }
}

function observe(id: number, updatedDate: string) {
  const name = planted.find((one) => one.id === id)?.name ?? `project ${id}`
  const task = {
    id: id * 3,
    name: 'batch 1',
    subset: '',
    size: 100,
    updatedDate,
    jobCount: 1,
    newestJobDate: updatedDate,
  }
  return { name, organization: id % 2 === 0 ? 'robotics' : null, updatedDate, tasks: [task] }
}
