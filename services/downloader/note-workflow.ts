// One job of the workflows queue: a sidecar without an archive, since nothing that an archive holds has changed.

import type { Claims } from '#shared/coordination/claims.ts'
import { formatWorkflow } from '#shared/model/workflow.ts'
import type { Backup } from '#shared/queues/exports-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { SweepPayload } from '#shared/queues/sweeps-queue.ts'
import type { JobContext } from '#shared/service/consume.ts'
import { describeGaps, type TakeWorkflowDeps, takeWorkflow } from './take-workflow.ts'

export interface NoteWorkflowDeps extends TakeWorkflowDeps {
  readonly claims: Claims
  readonly sweeps: OpenQueue<SweepPayload>
  readonly outcomes: OpenQueue<Outcome>
  readonly serverVersion: (signal: AbortSignal) => Promise<string>
}

/** Safe to run twice: the sidecar is found by its backup's id. */
export async function noteWorkflowAlone(
  payload: Backup,
  context: JobContext<Backup>,
  deps: NoteWorkflowDeps,
): Promise<string> {
  const { backupId, runId, series, name } = payload
  const key = formatWorkflow(series.entity)
  const answer = await deps.claims.hold({ series: key, backupId, runId, queue: 'workflows', jobId: context.jobId })
  if (!answer.held) return answer.why === 'superseded' ? `superseded by ${answer.by}` : 'nobody waits for it any more'
  await context.progress({ phase: 'workflow' })
  const version = await deps.serverVersion(context.signal)
  const workflow = await takeWorkflow(payload, { version }, deps, context.signal)
  const reason = describeGaps(workflow)
  await deps.sweeps.add({ name, payload: { entity: series.entity } })
  await deps.outcomes.add({
    name,
    payload: {
      backupId,
      runId,
      series,
      name,
      result: 'noted',
      isWorkflow: true,
      sizeBytes: 0,
      ...(reason === undefined ? {} : { reason }),
    },
  })
  return workflow.fileName
}
