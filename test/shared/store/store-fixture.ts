// A store in a temporary folder, and archives to put into it.

import { createHash } from 'node:crypto'
import type { EntityRef } from '#shared/model/entity.ts'
import type { Observation } from '#shared/model/observation.ts'
import type { ArchiveContent } from '#shared/model/series.ts'
import type { CommitInput, CommittedArchive } from '#shared/store/commit-archive.ts'
import type { FileOperations } from '#shared/store/file-operations.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import { openStore, type Store } from '#shared/store/open-store.ts'
import { buildZip } from './build-zip.ts'
import { observe, planProject, planTask } from './plan-backup.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

export const project6: EntityRef = { type: 'project', id: 6 }
export const serverUrl = 'https://cvat.example.org'
export const backupOfProject6 = { entity: project6, content: { kind: 'backup' } } as const
export const now = new Date('2026-11-22T21:00:00.000Z')

export async function openTestStore(files?: FileOperations): Promise<Store> {
  const directory = await makeTemporaryFolder()
  const store = openStore({ directory, now: () => now, ...(files && { files }) })
  await store.checkDirectory()
  return store
}

export interface ArchivePlan {
  readonly backupId?: string
  readonly createdAt?: string
  readonly entity?: EntityRef
  readonly content?: ArchiveContent
  readonly serverUrl?: string
  readonly name?: string
  /** Makes the bytes differ. */
  readonly seed?: string
  /** False: the server says that there is a task more than the archive holds. */
  readonly isGood?: boolean
}

export function makeArchive({ content, seed = 'seed' }: ArchivePlan = {}): Buffer {
  return content?.kind === 'annotations'
    ? buildZip([{ name: 'annotations.xml', data: `<annotations>${seed}</annotations>` }])
    : buildZip(planProject(planTask('task_0/', { name: seed })))
}

/** Everything up to the commit: a finished partial file and what reading it back has shown. */
export async function prepareCommit(store: Store, plan: ArchivePlan = {}): Promise<CommitInput> {
  const backupId = plan.backupId ?? 'run-1.project-6.backup'
  const entity = plan.entity ?? project6
  const content = plan.content ?? { kind: 'backup' }
  const observation: Observation = { ...observe(...(plan.isGood === false ? [3, 3] : [3])), name: plan.name ?? 'alpha' }
  await using partial = await store.createPartial(backupId)
  await partial.write(makeArchive(plan))
  await partial.finish()
  return {
    partialPath: partial.path,
    inspection: await inspectArchive(partial.path, { entityType: 'project', content, observation }),
    series: { entity, content },
    server: { url: plan.serverUrl ?? serverUrl, version: '2.64.1' },
    observation,
    createdAt: plan.createdAt ?? '2026-11-22T20:34:44.500Z',
    origin: { runId: 'run-1', backupId, attempts: 1 },
  }
}

export async function storeArchive(store: Store, plan: ArchivePlan = {}): Promise<CommittedArchive> {
  return store.commitArchive(await prepareCommit(store, plan))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
