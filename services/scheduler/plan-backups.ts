// Enters entities into a run: decides for each, and adds an export job for those that need one. Every step may run twice.

import type { Logger } from 'pino'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { digestTask } from '#shared/model/change-digest.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { type ArchiveContent, formatSeries, type Series } from '#shared/model/series.ts'
import type { ExportPayload } from '#shared/queues/exports-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { decideBackup } from './decide-backup.ts'
import { findLastArchive } from './find-last-archive.ts'
import type { Subject } from './subject.ts'

export interface PlanDeps {
  readonly store: Store
  readonly ledger: Pick<RunLedger, 'plan'>
  readonly exports: OpenQueue<ExportPayload>
  /** CVAT_URL, for links and for telling this server's archives from another's. */
  readonly serverUrl: string
}

export interface Planning {
  readonly content: ArchiveContent
  /** Back up everything, changed or not. */
  readonly full: boolean
  /** `besides`: tasks whose project's archive turned out to hold an old state of them. */
  readonly how: 'listed' | 'besides'
}

/** Folders looked into at once while deciding: network mounts answer slowly. */
const PARALLEL_READS = 16

export async function planBackups(
  runId: string,
  subjects: readonly Subject[],
  planning: Planning,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
  deps: PlanDeps,
): Promise<void> {
  for (let i = 0; i < subjects.length; i += PARALLEL_READS) {
    signal.throwIfAborted()
    const batch = subjects.slice(i, i + PARALLEL_READS)
    const plans = await Promise.all(batch.map((subject) => planSubject(runId, subject, planning, logger, deps)))
    await deps.exports.addAll(plans.flatMap(({ job }) => job ?? []))
    for (const { subject, uncovered } of plans) {
      const tasks = uncovered.map((task) => taskOf(task, subject.organization))
      await planBackups(runId, tasks, { ...planning, how: 'besides' }, { logger, signal }, deps)
    }
  }
}

/** A project's task as a subject of its own. */
export function taskOf(task: TaskObservation, organization: string | null): Subject {
  return {
    entity: { type: 'task', id: task.id },
    name: task.name,
    project: undefined,
    organization,
    digest: digestTask(task),
    size: task.size,
  }
}

async function planSubject(
  runId: string,
  subject: Subject,
  { content, full, how }: Planning,
  logger: Logger,
  { store, ledger, serverUrl }: PlanDeps,
) {
  await store.removeDeletedMarker(subject.entity, serverUrl)
  const series: Series = { entity: subject.entity, content }
  const last = full ? undefined : await findLastArchive(series, subject.digest, store, serverUrl)
  const { action, reason, uncovered } = decideBackup(subject, last, full)
  const key = formatSeries(series)
  const backupId = `${runId}.${key}`
  const planned = await ledger.plan(runId, { series: key, name: subject.name, action, reason, backupId }, how)
  logger.debug({ entity: formatEntity(subject.entity), name: subject.name, action, reason }, 'planned')
  if (planned !== 'new') return { subject, uncovered, job: undefined }
  const link = new URL(`${subject.entity.type}s/${subject.entity.id}`, `${serverUrl}/`).href
  const { name, organization } = subject
  const payload = { backupId, runId, series, name, organization, link, reexports: 0 }
  return { subject, uncovered, job: { name, jobId: backupId, payload } }
}
