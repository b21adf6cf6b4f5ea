// An import as it is ordered and as the requests API tells of it.

import type { User } from '../world-records.ts'

export interface ImportOrder {
  readonly target: 'project' | 'task' | 'job'
  readonly subresource: 'backup' | 'annotations' | 'dataset'
  /** What the import goes into; null for a restore, which makes something new. */
  readonly into: {
    readonly projectId: number | null
    readonly taskId: number | null
    readonly jobId: number | null
  } | null
  /** Reads and checks; resolves to what changes the world at once and gives the new id, if there is one. */
  readonly prepare: () => Promise<() => number | null>
  /** When it is over, however it ended: the uploaded file is not needed any more unless the world reads from it. */
  readonly cleanUp: (isFinished: boolean) => void
}

export interface ImportRequest {
  readonly id: string
  readonly order: ImportOrder
  readonly owner: User
  readonly createdDate: string
  status: 'queued' | 'started' | 'finished' | 'failed'
  message: string
  startedDate: string | null
  finishedDate: string | null
  expiryDate: string | null
  resultId: number | null
  killedMs: number | null
}

const hourMs = 60 * 60 * 1000
/** RQ keeps what finished for an hour and what failed for 30 days (recordings g3b, g4b). */
export const keptMs = { finished: hourMs, failed: 30 * 24 * hourMs }

/** A restore's id is new each time; an import's is made of what it goes into. */
export function importId({ target, subresource, into }: ImportOrder): string {
  const key = { project: into?.projectId, task: into?.taskId, job: into?.jobId }[target]
  const which = into ? `target_id=${key}` : `id=${crypto.randomUUID()}`
  return `action=import&target=${target}&${which}&subresource=${subresource}`
}
