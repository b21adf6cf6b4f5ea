// Follows a run to its end, wherever the services work.

import { setTimeout as sleep } from 'node:timers/promises'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { type RunSummary, summarise } from '#shared/coordination/summarise-run.ts'
import { orAborted, withDeadline } from '#shared/cvat/deadline.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { ActiveJob, RunView } from './view/run-view.ts'
import { watchRoom } from './watch-room.ts'

export interface FollowDeps {
  /** Called once, when the run has entered all its entities. */
  readonly onListed?: () => Promise<void>
  readonly ledger: RunLedger
  readonly runs: Pick<OpenQueue<unknown>, 'bull'>
  readonly exports: Pick<OpenQueue<unknown>, 'bull'>
  readonly downloads: Pick<OpenQueue<unknown>, 'bull'>
  readonly workflows: Pick<OpenQueue<unknown>, 'bull'>
  readonly snapshots: Pick<OpenQueue<unknown>, 'bull'>
  readonly view: RunView
  /** For tests: how long Redis may take to answer. */
  readonly silentMs?: number
}

const LOOK_EVERY_MS = 250
const LOOK_FOR_PAUSED_EVERY_MS = 5_000
/** A connection that was lost is made again for ever: only this tells a restart of Redis from its end. */
const REDIS_SILENT_MS = 5 * 60_000
/** Without any scheduler for this long, waiting on would be silence taken for success. */
const NO_SCHEDULER_MS = 60_000

/** @throws BackupError `no-scheduler`, `run-lost`, `redis-unreachable`; the signal's reason */
export async function followRun(runId: string, deps: FollowDeps, signal: AbortSignal): Promise<RunSummary> {
  const { ledger, view } = deps
  let lastEvent = '0'
  let seen = false
  let listed = false
  const watch = watchSchedulers(deps)
  const tellPaused = watchPaused(deps)
  const listWaiting = watchRoom(deps)
  const look = async (): Promise<RunSummary | undefined> => {
    const account = await ledger.read(runId)
    for (;;) {
      const events = await ledger.events(runId, lastEvent)
      if (events.length === 0) break
      lastEvent = events.at(-1)!.id
      view.onEvents(events)
    }
    const waiting = await listWaiting()
    if (account) view.onAccount(account, [...waiting, ...(await listActive(deps))])
    if (!listed && account && account.state !== 'listing') {
      listed = true
      await deps.onListed?.()
    }
    if (account?.state === 'ended' || account?.state === 'interrupted') return summarise(account, ledger)
    if (!account && seen) throw lost(runId)
    seen ||= account !== undefined
    await watch()
    await tellPaused()
    return undefined
  }
  const silentMs = deps.silentMs ?? REDIS_SILENT_MS
  for (;;) {
    const summary = await withDeadline(silentMs, signal, redisSilent, (limited) => orAborted(look(), limited))
    if (summary) return summary
    // With the signal's own reason, which says more than that of the timer.
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Complains once no scheduler has been connected for a minute. */
function watchSchedulers({ runs, view }: FollowDeps): () => Promise<void> {
  let nextAtMs = Date.now() + 5_000
  let missingSinceMs: number | undefined
  return async () => {
    if (Date.now() < nextAtMs) return
    nextAtMs = Date.now() + 5_000
    if ((await runs.bull.getWorkersCount()) > 0) {
      missingSinceMs = undefined
      return
    }
    if (missingSinceMs === undefined) view.say('no scheduler is connected to this Redis; waiting for one')
    missingSinceMs ??= Date.now()
    if (Date.now() - missingSinceMs < NO_SCHEDULER_MS) return
    throw new BackupError('no scheduler is connected to this Redis', {
      code: 'no-scheduler',
      retryable: true,
      hint: 'Start the services (or unset REDIS_URL to run them in this process); the run stays queued until then.',
    })
  }
}

/** Names each queue that somebody has paused on the board, once: a run waits for it as long as it stays so. */
function watchPaused({ runs, exports, downloads, workflows, snapshots, view }: FollowDeps): () => Promise<void> {
  const named = new Set<string>()
  let nextAtMs = 0
  return async () => {
    if (Date.now() < nextAtMs) return
    nextAtMs = Date.now() + LOOK_FOR_PAUSED_EVERY_MS
    for (const { bull } of [runs, exports, downloads, workflows, snapshots]) {
      if (!(await bull.isPaused())) named.delete(bull.name)
      else if (!named.has(bull.name)) {
        named.add(bull.name)
        view.say(`the queue ${bull.name} is paused: its jobs wait until somebody resumes it on the board`)
      }
    }
  }
}

async function listActive({ exports, downloads, workflows, snapshots }: FollowDeps): Promise<ActiveJob[]> {
  const active = await Promise.all([downloads, snapshots, exports, workflows].map(({ bull }) => bull.getActive(0, 3)))
  return active
    .flat()
    .filter((job) => job !== undefined)
    .map((job) => {
      const progress = typeof job.progress === 'object' ? (job.progress as Partial<ActiveJob>) : {}
      return { name: job.name, phase: 'waiting for the server', ...progress }
    })
}

function lost(runId: string): BackupError {
  return new BackupError(`run ${runId} has vanished from Redis`, {
    code: 'run-lost',
    retryable: true,
    hint: 'Redis was emptied. Archives that were stored are safe; start the backup again to get the rest.',
  })
}

function redisSilent(): BackupError {
  return new BackupError('Redis no longer answers', {
    code: 'redis-unreachable',
    retryable: true,
    hint: 'Whoever ran the services was stopped. What was asked for stays queued: it goes on when they run again.',
  })
}
