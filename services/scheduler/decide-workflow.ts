// Whether what no archive holds has changed since it was noted last. A pure decision, asked about what needs no export.

import type { WorkflowDigest } from '#shared/model/workflow.ts'

/** What is known of the newest sidecar. */
export interface LastWorkflow {
  readonly digest: WorkflowDigest
  /** ISO 8601 UTC. */
  readonly takenAt: string
}

/**
 * Why a new sidecar is needed, as a sentence's end; undefined when the newest one shows the present state. Issues that the
 * server would not list this time prove nothing.
 */
export function describeWorkflowChange(present: WorkflowDigest, last: LastWorkflow | undefined): string | undefined {
  if (!last) return 'its stages, assignees and issues were never noted'
  if (present.rows !== last.digest.rows) return `stages, states or assignees changed since ${last.takenAt}`
  if (present.issues === null || present.issues === last.digest.issues) return undefined
  return last.digest.issues === null ? 'its issues can be read now' : `issues changed since ${last.takenAt}`
}
