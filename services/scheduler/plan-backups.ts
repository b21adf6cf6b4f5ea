// Enters entities into a run: decides for each, and adds a job for those that need an export or a new sidecar. Every step may run twice.

import type { Logger } from 'pino'
import { nameRound } from '#shared/coordination/name-round.ts'
import type { Plan, RunLedger } from '#shared/coordination/run-ledger.ts'
import { digestTask } from '#shared/model/change-digest.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { TaskObservation } from '#shared/model/observation.ts'
import { type ArchiveContent, formatSeries, type Series } from '#shared/model/series.ts'
import { formatWorkflow } from '#shared/model/workflow.ts'
import type { ProtectionTable, Sighting } from '#shared/protection/protection-table.ts'
import type { Backup, ExportPayload } from '#shared/queues/exports-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { SnapshotPayload } from '#shared/queues/snapshots-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { choosePriority } from './choose-priority.ts'
import { decideBackup } from './decide-backup.ts'
import { describeWorkflowChange } from './decide-workflow.ts'
import { findLastArchive } from './find-last-archive.ts'
import type { Subject } from './subject.ts'

export interface PlanDeps {
  readonly store: Store
  readonly ledger: Pick<RunLedger, 'plan'>
  readonly exports: OpenQueue<ExportPayload>
  readonly workflows: OpenQueue<Backup>
  readonly snapshots: OpenQueue<SnapshotPayload>
  readonly protection: Pick<ProtectionTable, 'noteListed'>
  /** CVAT_URL, for links and for telling this server's archives from another's. */
  readonly serverUrl: string
  /** Projects are backed up whole if absent. */
  readonly incremental?: { readonly strategy: 'whole' | 'incremental'; readonly minTasks: number } | undefined
}

export interface Planning {
  readonly content: ArchiveContent
  /** Back up everything, changed or not. */
  readonly full: boolean
  /** The run's mode and when it began, for the protection table. */
  readonly mode: Mode
  readonly startedAtMs: number
  /** `besides`: tasks whose project's archive turned out to hold an old state of them. */
  readonly how: 'listed' | 'besides'
  /** Tasks of which a snapshot is to be made; how often it has asked. */
  readonly partsRound?: number | undefined
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
    // Before a backup of them can end: how it ended is noted for known series only.
    const sightings = plans.map(({ sighting }) => sighting)
    // Parts are protected as what they are parts of.
    if (planning.partsRound === undefined) {
      await deps.protection.noteListed(planning.mode, planning.startedAtMs, sightings)
    }
    await deps.exports.addAll(plans.flatMap(({ job }) => (job?.queue === 'exports' ? job : [])))
    await deps.snapshots.addAll(plans.flatMap(({ job }) => (job?.queue === 'snapshots' ? job : [])))
    await deps.workflows.addAll(plans.flatMap(({ job }) => (job?.queue === 'workflows' ? job : [])))
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
    workflow: undefined,
    size: task.size,
    frames: task.size,
  }
}

async function planSubject(
  runId: string,
  subject: Subject,
  { content, full, how, partsRound, startedAtMs }: Planning,
  logger: Logger,
  { store, ledger, serverUrl, incremental }: PlanDeps,
) {
  await store.removeDeletedMarker(subject.entity, serverUrl)
  const series: Series = { entity: subject.entity, content }
  const { last, archive } = await findLastArchive(series, subject.digest, store, serverUrl)
  const decision = decideBackup(subject, last, full)
  const { uncovered } = decision
  const change = decision.action === 'skip' ? await findWorkflowChange(subject, content, store, serverUrl) : undefined
  const action: Plan['action'] = change === undefined ? decision.action : 'workflow'
  const reason = change === undefined ? decision.reason : `${decision.reason}; only its workflow is noted: ${change}`
  const key = action === 'workflow' ? formatWorkflow(subject.entity) : formatSeries(series)
  const queue = chooseQueue(action, subject, content, incremental)
  const round = partsRound ?? 1
  const listedAs = nameRound(formatSeries(series), round)
  // What was stored in an earlier round is done, and not to be found again as this one's.
  const backupId = round > 1 ? `${runId}-r${round}.${key}` : `${runId}.${key}`
  const plan = { series: key, listedAs, name: subject.name, action, reason, backupId, queue }
  const planned = await ledger.plan(runId, plan, how)
  logger.debug({ entity: formatEntity(subject.entity), name: subject.name, action, reason }, 'planned')
  const link = linkTo(subject.entity, serverUrl)
  const { name, organization } = subject
  // What the archive is to hold decides, not the sidecar: an entity of which only that is due is protected.
  const sighting: Sighting = { series, name, organization, link, found: foundAs[decision.action], archive }
  if (planned !== 'new') return { subject, sighting, uncovered, job: undefined }
  const isPart = partsRound === undefined ? {} : { isPart: true as const }
  const payload = { backupId, runId, series, name, organization, link, reexports: 0, full, ...isPart }
  const job = { queue, name, jobId: backupId, payload }
  if (queue !== 'exports') return { subject, sighting, uncovered, job }
  const priority = choosePriority({ frames: subject.frames, lastSizeBytes: archive?.sizeBytes }, startedAtMs)
  return { subject, sighting, uncovered, job: { ...job, options: { priority } } }
}

/** The smallest projects stay whole: a snapshot of them costs more requests and files than it spares. */
function chooseQueue(
  action: Plan['action'],
  { entity, digest }: Subject,
  content: ArchiveContent,
  incremental: PlanDeps['incremental'],
): 'exports' | 'workflows' | 'snapshots' {
  if (action === 'workflow') return 'workflows'
  const isSnapshot = incremental?.strategy === 'incremental' && digest.taskCount >= incremental.minTasks
  return isSnapshot && entity.type === 'project' && content.kind === 'backup' ? 'snapshots' : 'exports'
}

/** Address of an entity in CVAT's own pages. */
export function linkTo({ type, id }: EntityRef, serverUrl: string): string {
  return new URL(`${type}s/${id}`, `${serverUrl}/`).href
}

const foundAs = { skip: 'protected', empty: 'empty', backup: 'due' } as const

/** Annotation exports have no sidecars: those of the same entity's backups hold the same. */
async function findWorkflowChange(
  { entity, workflow }: Subject,
  content: ArchiveContent,
  store: Store,
  serverUrl: string,
): Promise<string | undefined> {
  if (content.kind !== 'backup' || !workflow) return undefined
  const newest = await store.workflows.newest(entity, serverUrl)
  return describeWorkflowChange(workflow, newest && { digest: newest.end.digest, takenAt: newest.head.takenAt })
}
