// Which workflow sidecar goes with which archive: pure, for retention, `list`, `verify` and whoever restores.

import type { WorkflowHead } from '#shared/model/workflow.ts'
import type { ArchiveRecord } from './record.ts'
import { normaliseServerUrl } from './server-url.ts'

/** What is looked at. */
export interface WorkflowLike {
  readonly fileName: string
  readonly head: Pick<WorkflowHead, 'takenAt' | 'server' | 'origin'>
}

export interface ArchiveLike {
  readonly record: Pick<ArchiveRecord, 'series' | 'server' | 'createdAt' | 'origin'> & {
    readonly archive: Pick<ArchiveRecord['archive'], 'fileName'>
  }
}

export type WorkflowMoment =
  /** What was so when this archive was made, or later before the next one: its people's last word on it. */
  | { readonly archive: ArchiveLike }
  /** What was so at this time (ISO 8601): the newest that was taken until then. */
  | { readonly serverUrl: string; readonly at?: string | undefined }

/** What goes with one archive of kind `backup`. */
export interface Companions<Workflow> {
  /** Taken together with it. */
  readonly own: Workflow | undefined
  /** The last one before the next archive; may be `own`. */
  readonly last: Workflow | undefined
}

/** Archives of kind `backup` of one entity, of any servers and in any order, each with its sidecars. */
export function matchWorkflows<Archive extends ArchiveLike, Workflow extends WorkflowLike>(
  archives: readonly Archive[],
  workflows: readonly Workflow[],
): Map<Archive, Companions<Workflow>> {
  const matched = new Map<Archive, Companions<Workflow>>()
  const backups = archives.filter(({ record }) => record.series.content.kind === 'backup')
  for (const [url, group] of Map.groupBy(backups, ({ record }) => record.server.url)) {
    const ofServer = workflows.filter(({ head }) => head.server.url === url).toSorted(compareWorkflows)
    const sorted = group.toSorted(compareArchives)
    for (const [index, archive] of sorted.entries()) {
      const { createdAt, origin } = archive.record
      const fromMs = Date.parse(createdAt)
      const next = sorted[index - 1]
      const untilMs = next ? Date.parse(next.record.createdAt) : Number.POSITIVE_INFINITY
      const isOwn = ({ head }: Workflow) =>
        head.origin.backupId === origin.backupId && Date.parse(head.takenAt) >= fromMs
      const isBetween = ({ head }: Workflow) => {
        const takenAtMs = Date.parse(head.takenAt)
        return takenAtMs >= fromMs && takenAtMs < untilMs
      }
      const own = ofServer.findLast(isOwn)
      matched.set(archive, { own, last: ofServer.find(isBetween) ?? own })
    }
  }
  return matched
}

export function chooseWorkflow<Workflow extends WorkflowLike>(
  workflows: readonly Workflow[],
  archives: readonly ArchiveLike[],
  moment: WorkflowMoment,
): Workflow | undefined {
  if ('archive' in moment) {
    const { fileName } = moment.archive.record.archive
    for (const [archive, { last }] of matchWorkflows(archives, workflows)) {
      if (archive.record.archive.fileName === fileName) return last
    }
    return undefined
  }
  const url = normaliseServerUrl(moment.serverUrl)
  const atMs = moment.at === undefined ? Number.POSITIVE_INFINITY : Date.parse(moment.at)
  return workflows
    .toSorted(compareWorkflows)
    .find(({ head }) => head.server.url === url && Date.parse(head.takenAt) <= atMs)
}

/** Newest first; in any order of the input the same. */
export function compareWorkflows(a: WorkflowLike, b: WorkflowLike): number {
  const byTime = Date.parse(b.head.takenAt) - Date.parse(a.head.takenAt)
  return byTime || (a.fileName < b.fileName ? 1 : -1)
}

function compareArchives(a: ArchiveLike, b: ArchiveLike): number {
  const byTime = Date.parse(b.record.createdAt) - Date.parse(a.record.createdAt)
  return byTime || (a.record.archive.fileName < b.record.archive.fileName ? 1 : -1)
}
