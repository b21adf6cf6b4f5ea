// Archives of tasks, and snapshots of a project that are made of them.

import { pino } from 'pino'
import { leaveOutMedia } from '#services/downloader/leave-out-media.ts'
import { planFolder } from '#shared/composition/composition-plan.ts'
import { openComposedArchive } from '#shared/composition/open-composed-archive.ts'
import { openSourceArchive } from '#shared/composition/open-source-archive.ts'
import type { CommitInput } from '#shared/store/commit-archive.ts'
import type { FileOperations } from '#shared/store/file-operations.ts'
import { inspectArchive } from '#shared/store/inspect-archive.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { SnapshotPart } from '#shared/store/record.ts'
import type { StoredArchive } from '#shared/store/stored-archive.ts'
import { boundlessRoom } from '../../services/downloader/fetch-fixture.ts'
import { fixture } from '../composition/composed-files.ts'
import { buildZip } from './build-zip.ts'
import { observe, planProject, planTask } from './plan-backup.ts'
import { storeFile } from './store-file.ts'
import { serverUrl } from './store-fixture.ts'

const content = { kind: 'backup' } as const

interface TaskPlan {
  readonly id: number
  readonly createdAt: string
  /** Makes the bytes differ. */
  readonly seed?: string
  /** Made for a snapshot, as they are by default. */
  readonly isPart?: boolean
  /** What its pictures show; something else each time if absent. */
  readonly media?: string
  /** With CVAT_BACKUP_MEDIA_ONCE. */
  readonly mediaOnce?: boolean
  readonly files?: FileOperations
}

const logger = pino({ level: 'silent' })

/** As the downloader does it with what the server has sent. */
export async function storeTask(store: Store, plan: TaskPlan): Promise<StoredArchive> {
  const { id, createdAt, seed = createdAt, isPart = true, mediaOnce = false } = plan
  const backupId = `run-${Date.parse(createdAt)}.task-${id}.backup`
  await using partial = await store.createPartial(backupId)
  await partial.write(buildZip(planStoredTask('', { ...plan, seed })))
  await partial.finish()
  const { tasks, ...about } = observe(3)
  const observation = { ...about, name: `task ${id}`, tasks: [{ ...tasks[0]!, id }] }
  const options = { entityType: 'task', content, observation, digestsMedia: true } as const
  const inspection = await inspectArchive(partial.path, options)
  const series = { entity: { type: 'task' as const, id }, content }
  const deps = { store, room: boundlessRoom, serverUrl, files: plan.files }
  const signal = new AbortController().signal
  const whole = { backupId, series, path: partial.path, inspection }
  const thin = mediaOnce ? await leaveOutMedia(whole, deps, { signal, logger }) : undefined
  const committed = await store.commitArchive({
    partialPath: partial.path,
    inspection,
    ...thin,
    series,
    server: { url: serverUrl, version: '2.64.1' },
    observation,
    createdAt,
    origin: { runId: 'run-1', backupId, attempts: 1, ...(isPart && { part: true as const }) },
  })
  await store.discardPartials(backupId)
  return committed
}

/** The members of what {@link storeTask} is given, as they will be in a snapshot below the prefix. */
export function planStoredTask(prefix: string, { id, createdAt, seed = createdAt, media }: TaskPlan) {
  return planTask(prefix, { name: `task ${id} ${seed}`, ...(media !== undefined && { media }) })
}

export interface SnapshotPlan {
  readonly projectId?: number
  readonly createdAt: string
  readonly parts: readonly StoredArchive[]
}

export async function storeSnapshot(store: Store, plan: SnapshotPlan): Promise<StoredArchive> {
  return store.commitArchive(await prepareSnapshot(store, plan))
}

/** Everything up to the commit. The parts' positions are their places in the list. */
export async function prepareSnapshot(
  store: Store,
  { projectId = 6, createdAt, parts }: SnapshotPlan,
): Promise<CommitInput> {
  const backupId = `run-${Date.parse(createdAt)}.project-${projectId}.backup`
  await using partial = await store.createPartial(backupId)
  await partial.write(buildZip(planProject()))
  await partial.finish()
  const observation = { ...observe(), tasks: parts.map(({ record }) => record.observation.tasks[0]!) }
  const inspection = await inspectArchive(partial.path, {
    entityType: 'project',
    content,
    observation: { ...observation, tasks: [] },
  })
  return {
    partialPath: partial.path,
    inspection,
    series: { entity: { type: 'project', id: projectId }, content },
    server: { url: serverUrl, version: '2.64.1' },
    observation,
    createdAt,
    origin: { runId: 'run-1', backupId, attempts: 1 },
    snapshot: { updatedDate: observation.updatedDate, parts: parts.map(asPart) },
  }
}

export function asPart({ entity, record }: StoredArchive, position: number): SnapshotPart {
  const { fileName, sizeBytes, sha256 } = record.archive
  const media = record.mediaFrom && { mediaFrom: record.mediaFrom }
  return {
    position,
    taskId: entity.id,
    observedAt: record.createdAt,
    archive: { fileName, sizeBytes, sha256 },
    ...media,
  }
}

/** As it is restored, and as `assemble` writes it. */
export async function assembleOf(snapshot: StoredArchive) {
  await using source = await openSourceArchive(snapshot.archivePath)
  const archive = { archivePath: snapshot.archivePath, archiveBytes: snapshot.record.archive.sizeBytes }
  const parts = [...source.folders.keys()].map((folder) => ({ ...archive, folder, to: folder }))
  return openComposedArchive({ parts })
}

/** A real CVAT's tasks and project part, whose whole archive of the same moment is in the fixtures, too. */
export async function storeRealSnapshot(store: Store, createdAt = '2026-11-22T21:00:00.000Z') {
  const observation = observe(4, 4, 4, 20)
  const files = ['composed_task_0', 'composed_task_1', 'composed_task_2', 'composed_task_3_video']
  const tasks: StoredArchive[] = []
  for (const [index, name] of files.entries()) {
    const task = observation.tasks[index]!
    const about = { ...observation, name: task.name, tasks: [task] }
    tasks.push(
      await storeFile(store, { entity: { type: 'task', id: task.id }, bytes: `kinds/${name}.zip`, observation: about }),
    )
  }
  const composed = await openComposedArchive({
    parts: [planFolder(await fixture('kinds/composed_project_cvats_own.zip'), '', '')],
  })
  const backupId = 'run-1.project-6.snapshot'
  await using partial = await store.createPartial(backupId)
  for await (const chunk of composed.stream()) await partial.write(chunk)
  await partial.finish()
  const inspection = await inspectArchive(partial.path, {
    entityType: 'project',
    content,
    observation: { ...observation, tasks: [] },
  })
  const perTask = tasks.map(({ entity, record }, position) => ({
    ...record.members.perTask[0]!,
    position,
    taskId: entity.id,
  }))
  return store.commitArchive({
    partialPath: partial.path,
    inspection: { ...inspection, members: { count: inspection.members.count, perTask } },
    series: { entity: { type: 'project', id: 6 }, content },
    server: { url: serverUrl, version: '2.64.1' },
    observation,
    createdAt,
    origin: { runId: 'run-1', backupId, attempts: 1 },
    snapshot: { updatedDate: observation.updatedDate, parts: tasks.map(asPart) },
  })
}
