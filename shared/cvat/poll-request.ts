// Waits for one export or import at CVAT: asks by id, rarer the longer it takes, and by the list now and then, which is what
// makes CVAT notice that a worker died (asked by id alone it took 667 s, measured).

import { setTimeout as sleep } from 'node:timers/promises'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { CvatClient } from './client.ts'
import type { ExportRequest } from './export-request.ts'

const SHORTEST_MS = 300
const LONGEST_MS = 30_000
/** Share of the time already waited that may be lost between an export's end and our noticing it. */
const LOST_SHARE = 0.05
/** CVAT takes a started request's worker for dead after about 90 s without a sign of life. */
const LIST_AFTER_MS = 95_000
const LIST_EVERY_MS = 60_000

export interface PollDeps {
  readonly cvat: Pick<CvatClient, 'getRequest' | 'refreshRequests'>
  /** Our clock when it was asked for; the limit counts from it, restarts included. */
  readonly askedAtMs: number
  readonly timeoutMs: number
  /** The setting that the limit comes from, for the message. */
  readonly timeoutSetting: string
  readonly onStatus?: (request: ExportRequest) => Promise<void>
}

/**
 * Resolves when the request has ended, finished or failed.
 *
 * @throws BackupError `export-timeout`, `import-timeout` after the limit; `unknown-request` when the server has forgotten the request
 */
export async function pollRequest(requestId: string, deps: PollDeps, signal: AbortSignal): Promise<ExportRequest> {
  let listAtMs = Date.now() + LIST_AFTER_MS
  let lastStatus = ''
  for (;;) {
    const request = await deps.cvat.getRequest(requestId, signal)
    if (request.status === 'finished' || request.status === 'failed') return request
    if (request.status !== lastStatus) await deps.onStatus?.(request)
    lastStatus = request.status
    const waitedMs = Date.now() - deps.askedAtMs
    if (waitedMs > deps.timeoutMs) throw timedOut(request, deps)
    if (request.status === 'started' && Date.now() >= listAtMs) {
      await deps.cvat.refreshRequests(signal)
      listAtMs = Date.now() + LIST_EVERY_MS
      continue
    }
    const pauseMs = Math.min(Math.max(waitedMs * LOST_SHARE, SHORTEST_MS), LONGEST_MS)
    await sleep(pauseMs * (0.9 + Math.random() * 0.2), undefined, { signal })
  }
}

function timedOut({ operation, status }: ExportRequest, { timeoutMs, timeoutSetting }: PollDeps): BackupError {
  const hours = Math.round((timeoutMs / 3_600_000) * 1000) / 1000
  const what = operation.startsWith('import') ? 'import' : 'export'
  return new BackupError(`the ${what} was still ${status} at CVAT after ${hours} h`, {
    code: `${what}-timeout`,
    retryable: false,
    hint: `Raise ${timeoutSetting}, or look at CVAT's ${what} workers.`,
  })
}
