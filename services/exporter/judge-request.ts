// Decides what a request's state at CVAT means for the backup.

import { BackupError } from '#shared/errors/backup-error.ts'
import { newestChange } from '#shared/model/change-digest.ts'
import type { Observation } from '#shared/model/observation.ts'
import { compareServerDates } from '#shared/model/server-date.ts'

export interface RequestState {
  readonly status: 'queued' | 'started' | 'finished' | 'failed'
  readonly message: string
  readonly startedDate: string | null
  readonly resultUrl: string | null
}

/** What a worker's death leaves as message (recordings l3b and l4b); the next try finds another worker. */
const WORKER_DIED = /work-horse terminated|abandonedjoberror|failedjobregistry|worker.*(lost|shut ?down)/i
const GONE = /such a (project|task) does not exist/i

/**
 * An export that somebody else began (409) may have read the data before the change that we observed. Its archive
 * counts only when it began after that; both dates are the server's own.
 */
export function holdsObservedState(request: RequestState, observation: Observation): boolean {
  return request.startedDate !== null && compareServerDates(request.startedDate, newestChange(observation)) >= 0
}

/** Why an export failed and whether asking again may help. An unknown reason is given three tries. */
export function explainFailedRequest(request: RequestState, attempt: number): BackupError {
  const message = request.message.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
  if (WORKER_DIED.test(request.message)) {
    return new BackupError(`CVAT's export worker died: ${message}`, {
      code: 'export-worker-died',
      retryable: true,
      hint: "If it happens again, look at the memory limit and the log of CVAT's export worker.",
    })
  }
  if (GONE.test(request.message)) {
    return new BackupError('it was deleted on the server while its export waited', {
      code: 'not-found',
      retryable: false,
    })
  }
  return new BackupError(`CVAT's export failed: ${message || 'no reason given'}`, {
    code: 'export-failed',
    retryable: attempt < 3,
    hint: "CVAT's own export fails for this entity; the log of its export worker has the whole error.",
  })
}
