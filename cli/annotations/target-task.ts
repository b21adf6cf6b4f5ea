// What the task holds whose annotations are to be replaced.

import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { TargetFrames } from './match-frames.ts'
import type { AnnotationCounts } from './take-task.ts'

export interface TargetTask {
  readonly id: number
  readonly name: string
  readonly url: string
  /** Slug; null: personal. */
  readonly organization: string | null
  readonly frames: TargetFrames
  /** In how many jobs of annotators each frame is: where they overlap, each of them gets an annotation of its own. */
  readonly jobsPerFrame: Uint16Array
  /** Names of labels, with their attributes. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>
  readonly annotations: AnnotationCounts
}

export type TargetClient = Pick<CvatClient, 'getTask' | 'listJobs' | 'listOrganizations' | 'contents'>

/** @throws BackupError `not-found`, `no-data` */
export async function readTargetTask(
  taskId: number,
  targetUrl: string,
  cvat: TargetClient,
  signal: AbortSignal,
): Promise<TargetTask> {
  const row = await cvat.getTask(taskId, signal)
  const url = `${targetUrl}/tasks/${taskId}`
  if (row.size === 0) {
    throw new BackupError(`${url} has no data, so it has no frames to annotate`, { code: 'no-data', retryable: false })
  }
  const { frames, start_frame, frame_filter } = await cvat.contents.getFrames(taskId, signal)
  const owner =
    row.project_id === null ? { type: 'task' as const, id: taskId } : { type: 'project' as const, id: row.project_id }
  const labels = await cvat.contents.listLabels(owner, signal)
  const jobs = await readJobs(taskId, row.size, cvat, signal)
  return {
    id: taskId,
    name: row.name,
    url,
    organization: await findSlug(row.organization_id, cvat, signal),
    frames: {
      names: frames.map(({ name }) => name),
      count: row.size,
      start: start_frame,
      step: Number(/^step=([1-9]\d*)$/.exec(frame_filter.trim())?.[1] ?? 1),
    },
    jobsPerFrame: jobs.perFrame,
    labels: new Map(labels.map(({ name, attributes }) => [name, new Set(attributes.map((one) => one.name))])),
    annotations: jobs.counts,
  }
}

/** Of the annotators' jobs: an import leaves ground truth and replicas alone. */
export async function countTask(
  taskId: number,
  cvat: Pick<CvatClient, 'listJobs' | 'contents'>,
  signal: AbortSignal,
): Promise<AnnotationCounts> {
  return (await readJobs(taskId, 0, cvat, signal)).counts
}

async function readJobs(
  taskId: number,
  frames: number,
  cvat: Pick<CvatClient, 'listJobs' | 'contents'>,
  signal: AbortSignal,
): Promise<{ perFrame: Uint16Array; counts: AnnotationCounts }> {
  const counts = { tags: 0, shapes: 0, tracks: 0 }
  const perFrame = new Uint16Array(frames)
  for await (const page of cvat.listJobs({ taskId }, signal)) {
    for (const job of page) {
      if (job.type !== 'annotation') continue
      const { tags, shapes, tracks } = await cvat.contents.countJobKinds(job.id, signal)
      counts.tags += tags
      counts.shapes += shapes
      counts.tracks += tracks
      if (job.start_frame === null || job.stop_frame === null) continue
      for (let frame = job.start_frame; frame <= Math.min(job.stop_frame, frames - 1); frame++) perFrame[frame]!++
    }
  }
  return { perFrame, counts }
}

async function findSlug(
  id: number | null,
  cvat: Pick<CvatClient, 'listOrganizations'>,
  signal: AbortSignal,
): Promise<string | null> {
  if (id === null) return null
  for await (const organization of cvat.listOrganizations(signal)) if (organization.id === id) return organization.slug
  throw new BackupError(`The task belongs to organization ${id}, of which this login is no member`, {
    code: 'forbidden',
    retryable: false,
    hint: 'Use the login of a member of that organization who may write: CVAT_RESTORE_USERNAME and CVAT_RESTORE_PASSWORD.',
  })
}
