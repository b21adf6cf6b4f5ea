// Makes sure that a backup has its sidecar: what was so on the server when it was made, and is in no archive.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { DownloadPayload } from '#shared/queues/downloads-queue.ts'
import type { Backup } from '#shared/queues/exports-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { StoredWorkflow } from '#shared/store/read-workflow.ts'
import { readWorkflow, type WorkflowClient } from './read-workflow.ts'

export interface TakeWorkflowDeps {
  readonly cvat: WorkflowClient
  readonly store: Pick<Store, 'workflows'>
  /** CVAT_URL. */
  readonly serverUrl: string
}

/** The sidecar of this backup, or a new one; one that is older than `notBefore` (ISO 8601) is of an earlier export. */
export async function takeWorkflow(
  backup: Backup,
  server: { readonly version: string | null; readonly notBefore?: string | undefined },
  deps: TakeWorkflowDeps,
  signal: AbortSignal,
): Promise<StoredWorkflow> {
  const { series, organization, backupId, runId } = backup
  const { entity } = series
  const newest = await deps.store.workflows.newest(entity, deps.serverUrl)
  if (newest?.head.origin.backupId === backupId && isSince(newest, server.notBefore)) return newest
  return deps.store.workflows.write(
    {
      entity,
      server: { url: deps.serverUrl, version: server.version },
      takenAt: new Date().toISOString(),
      origin: { runId, backupId },
    },
    readWorkflow(entity, organization, deps.cvat, signal),
  )
}

/**
 * For a backup that is about to be stored, or was stored by an earlier run of its handler. An archive is worth more than its
 * sidecar: whatever goes wrong with the latter is a note for the run, and the next run makes up for it.
 */
export async function noteWorkflow(
  payload: Backup & Pick<DownloadPayload, 'serverVersion' | 'askedAt'>,
  { logger, signal }: Pick<JobContext<unknown>, 'logger' | 'signal'>,
  deps: TakeWorkflowDeps,
): Promise<string | undefined> {
  // That of a part is in its project's.
  if (payload.series.content.kind !== 'backup' || payload.isPart) return undefined
  try {
    const server = { version: payload.serverVersion, notBefore: payload.askedAt }
    return describeGaps(await takeWorkflow(payload, server, deps, signal))
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof BackupError)) throw error
    logger.warn({ err: error }, 'stages, assignees and issues could not be noted')
    return `stages, assignees and issues could not be noted, the next run tries again: ${cut(describeError(error))}`
  }
}

/** Undefined for a sidecar that lacks nothing. */
export function describeGaps({ end }: Pick<StoredWorkflow, 'end'>): string | undefined {
  if (end.missing.length === 0) return undefined
  const named = end.missing.map(({ what, reason }) => `${what} could not be read (${cut(reason)})`)
  return named.join('; ')
}

/** An outcome's reason of two parts, either of which may be absent. */
export function joinReasons(outcome: Pick<Outcome, 'reason'>, note: string | undefined): Pick<Outcome, 'reason'> {
  const reasons = [outcome.reason, note].filter((reason) => reason !== undefined)
  return reasons.length === 0 ? {} : { reason: cut(reasons.join('; '), 1_900) }
}

function isSince({ head }: StoredWorkflow, notBefore: string | undefined): boolean {
  return notBefore === undefined || Date.parse(head.takenAt) >= Date.parse(notBefore)
}

function cut(text: string, length = 500): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
