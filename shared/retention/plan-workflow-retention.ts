// Which workflow sidecars may go: a pure decision with reasons, made after that about the archives they go with.

import { type ArchiveLike, compareWorkflows, matchWorkflows, type WorkflowLike } from '#shared/store/choose-workflow.ts'

export interface WorkflowDecision<Workflow> {
  readonly workflow: Workflow
  readonly action: 'keep' | 'remove'
  /** Never empty. */
  readonly reasons: readonly string[]
}

/**
 * Decides about one entity's sidecars, of any servers and in any order, given the archives that stay. With each of them stay
 * the sidecar that was taken together with it and the last one before the next. The newest of a server always stays, and what
 * is dated in the future (a clock was wrong), which makes nothing else superfluous.
 */
export function planWorkflowRetention<Workflow extends WorkflowLike>(
  workflows: readonly Workflow[],
  keptArchives: readonly ArchiveLike[],
  now: Date,
): WorkflowDecision<Workflow>[] {
  const isFuture = ({ head }: Workflow) => !(Date.parse(head.takenAt) <= now.getTime())
  const past = workflows.filter((workflow) => !isFuture(workflow)).toSorted(compareWorkflows)
  const reasons = new Map<Workflow, string[]>(workflows.map((workflow) => [workflow, []]))
  for (const workflow of workflows) {
    if (isFuture(workflow)) reasons.get(workflow)?.push(`dated in the future (${workflow.head.takenAt})`)
  }
  for (const group of Map.groupBy(past, ({ head }) => head.server.url).values()) {
    reasons.get(group[0]!)?.push('newest workflow of its entity')
  }
  for (const [archive, { own, last }] of matchWorkflows(keptArchives, past)) {
    const { fileName } = archive.record.archive
    if (own) reasons.get(own)?.push(`taken with ${fileName}`)
    if (last && last !== own) reasons.get(last)?.push(`the last one with ${fileName}`)
  }
  return workflows.toSorted(compareWorkflows).map((workflow) => {
    const kept = reasons.get(workflow)!
    if (kept.length > 0) return { workflow, action: 'keep', reasons: kept }
    return { workflow, action: 'remove', reasons: ['a later one goes with each archive that stays'] }
  })
}
