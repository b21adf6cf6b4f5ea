// Waits for one export or import at CVAT: asks by id, rarer the longer it takes, and by the list now and then, which is what
// makes CVAT notice that a worker died (asked by id alone it took 667 s, measured).

import { setTimeout as sleep } from 'node:timers/promises'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { CvatClient } from './client.ts'
import type { ExportRequest } from './export-request.ts'

const SHORTEST_MS = 300
const LONGEST_MS = 30_000
/** Share of the time already waited that may be lost between an export's end and our noticing it, at most. */
const LOST_SHARE = 0.05
/** How much shorter a pause may be by chance, so that many exports are not asked about at once. */
const JITTER_SHARE = 0.2
/**
 * CVAT takes a started request's worker for dead after about 90 s without a sign of life, and notices when its list is
 * called later than that. With a call every 25 s a stuck export is known as such within two minutes of its worker's death.
 */
const LIST_AFTER_MS = 95_000
const LIST_EVERY_MS = 25_000

export interface PollDeps {
  readonly cvat: Pick<CvatClient, 'getRequest' | 'refreshRequests'>
  /** Our clock when it was asked for; the limit counts from it, restarts included. */
  readonly askedAtMs: number
  readonly timeoutMs: number
  /** The setting that the limit comes from, for the message. */
  readonly timeoutSetting: string
  readonly onStatus?: (request: ExportRequest) => Promise<void>
  /** In place of the machine's, to let hours pass at once. */
  readonly clock?: PollClock
}

export interface PollClock {
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

const machineClock: PollClock = { now: () => Date.now(), sleep: (ms, signal) => sleep(ms, undefined, { signal }) }

/**
 * Resolves when the request has ended, finished or failed.
 *
 * @throws BackupError `export-timeout`, `import-timeout` after the limit; `unknown-request` when the server has forgotten the request
 */
export async function pollRequest(requestId: string, deps: PollDeps, signal: AbortSignal): Promise<ExportRequest> {
  const { clock = machineClock } = deps
  let listAtMs = clock.now() + LIST_AFTER_MS
  let lastStatus = ''
  for (;;) {
    const request = await deps.cvat.getRequest(requestId, signal)
    if (request.status === 'finished' || request.status === 'failed') return request
    if (request.status !== lastStatus) await deps.onStatus?.(request)
    lastStatus = request.status
    const waitedMs = clock.now() - deps.askedAtMs
    if (waitedMs > deps.timeoutMs) throw timedOut(request, deps)
    if (request.status === 'started' && clock.now() >= listAtMs) {
      await deps.cvat.refreshRequests(signal)
      listAtMs = clock.now() + LIST_EVERY_MS
      continue
    }
    const longestMs = Math.min(Math.max(waitedMs * LOST_SHARE, SHORTEST_MS), LONGEST_MS)
    const pauseMs = longestMs * (1 - Math.random() * JITTER_SHARE)
    // The list is not called late because of a long pause.
    const toListMs = request.status === 'started' ? Math.max(0, listAtMs - clock.now()) : pauseMs
    await clock.sleep(Math.min(pauseMs, toListMs), signal)
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
