// Workflow sidecars to put into a store.

import type { EntityRef } from '#shared/model/entity.ts'
import type { WorkflowRow } from '#shared/model/workflow.ts'
import type { Store } from '#shared/store/open-store.ts'
import type { StoredWorkflow } from '#shared/store/read-workflow.ts'
import type { WorkflowConclusion, WorkflowInput } from '#shared/store/write-workflow.ts'
import { project6, serverUrl } from './store-fixture.ts'

const dates = { createdDate: '2026-11-22T20:31:45.1Z', updatedDate: '2026-11-22T20:31:45.2Z' }

export const rows: readonly WorkflowRow[] = [
  { type: 'project', id: 6, name: 'alpha', organization: 'acme', owner: 'admin', assignee: null, updatedDate: '2026' },
  {
    type: 'task',
    id: 101,
    name: 'first',
    position: 0,
    organization: 'acme',
    status: 'annotation',
    owner: 'admin',
    assignee: 'bob',
    updatedDate: '2026',
  },
  {
    type: 'job',
    id: 7,
    taskId: 101,
    jobType: 'annotation',
    startFrame: 0,
    stopFrame: 2,
    parentJobId: null,
    stage: 'validation',
    state: 'completed',
    assignee: null,
    updatedDate: '2026',
  },
  {
    type: 'issue',
    id: 1,
    jobId: 7,
    frame: 0,
    position: [1, 2.5],
    resolved: true,
    owner: null,
    assignee: null,
    ...dates,
  },
  { type: 'comment', id: 1, issueId: 1, owner: 'bob', text: 'look', ...dates },
]

export interface WorkflowPlan {
  readonly entity?: EntityRef
  readonly takenAt?: string
  readonly serverUrl?: string
  readonly backupId?: string
  readonly rows?: Iterable<WorkflowRow> | AsyncIterable<WorkflowRow>
  readonly conclusion?: WorkflowConclusion
}

export function planWorkflow(plan: WorkflowPlan = {}): WorkflowInput {
  return {
    entity: plan.entity ?? project6,
    server: { url: plan.serverUrl ?? serverUrl, version: '2.64.1' },
    takenAt: plan.takenAt ?? '2026-11-22T20:34:45.500Z',
    origin: { runId: 'run-1', backupId: plan.backupId ?? 'run-1.project-6.backup' },
  }
}

export async function storeWorkflow(store: Store, plan: WorkflowPlan = {}): Promise<StoredWorkflow> {
  return store.workflows.write(planWorkflow(plan), give(plan.rows ?? rows, plan.conclusion))
}

export async function* give(
  given: Iterable<WorkflowRow> | AsyncIterable<WorkflowRow>,
  conclusion: WorkflowConclusion = { digest: { rows: 'r', issues: 'i' }, missing: [] },
): AsyncGenerator<WorkflowRow, WorkflowConclusion> {
  yield* given
  return conclusion
}
