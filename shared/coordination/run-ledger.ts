// The account of each run: what it planned, what is still awaited, how each backup ended. The scheduler writes it,
// the command line and the board read it. Counting is idempotent: an outcome that comes twice counts once.

import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { claimKey, claimRunsKey, failedForKey } from './claims.ts'
import { endListingScript, openScript, planScript, settleScript } from './run-ledger-scripts.ts'

export type RunState = 'listing' | 'waiting' | 'ended' | 'interrupted'

export interface RunAccount {
  readonly runId: string
  /** The job that lists the entities. */
  readonly jobId: string
  readonly mode: Mode
  readonly full: boolean
  /** It is about everything that the settings admit, not about named entities. */
  readonly isWhole: boolean
  readonly trigger: 'command' | 'schedule' | 'event'
  readonly state: RunState
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
  /** Why listing the server's entities broke off: the run is then not whole. */
  readonly listingError: string | undefined
  readonly total: number
  readonly done: number
  /** Unchanged but for the workflow, which was noted. */
  readonly noted: number
  readonly skipped: number
  readonly empty: number
  readonly failed: number
  readonly sizeBytes: number
}

export interface Failure {
  readonly series: string
  readonly name: string
  readonly reason: string
  readonly code: string
  readonly hint?: string | undefined
}

/** Something about a backup that went well, which a person should know. */
export interface RunNote {
  readonly series: string
  readonly name: string
  readonly text: string
}

export interface WaitingRuns {
  readonly runs: readonly string[]
  /** How many of them have the claim: it only grows while the backup is under way. */
  readonly joined: number
}

export interface RunEvent {
  readonly id: string
  readonly what: 'done' | 'noted' | 'skipped' | 'empty' | 'failed'
  readonly series: string
  readonly name: string
  readonly sizeBytes: number
  readonly reason: string
}

export interface Plan {
  /** The key of what is planned: a series, or `project-6.workflow`. */
  readonly series: string
  /** What listing the entity twice must not count twice; the series unless told. */
  readonly listedAs?: string
  readonly name: string
  readonly action: 'backup' | 'workflow' | 'skip' | 'empty'
  readonly reason: string
  readonly backupId: string
  /** Where its first job is; told by the action if absent. */
  readonly queue?: 'exports' | 'workflows' | 'snapshots'
}

/** Kept after its end for followers and late retries; the backup directory keeps the run's record for good. */
const KEPT_SECONDS = 14 * 24 * 3600
const EVENTS_KEPT = 20_000

export type RunLedger = ReturnType<typeof openRunLedger>

export function openRunLedger({ redis, prefix }: QueueConnection) {
  const runKey = (runId: string, part = '') => `${prefix}:run:${runId}${part}`
  const indexKey = `${prefix}:runs`

  /** A hash's values, a few hundred at a time. */
  async function* scanValues(key: string): AsyncGenerator<string> {
    let cursor = '0'
    do {
      const [next, flat] = await redis.hscan(key, cursor, 'COUNT', 200)
      cursor = next
      for (let i = 0; i + 1 < flat.length; i += 2) yield flat[i + 1]!
    } while (cursor !== '0')
  }

  async function settle(series: string, outcome: Outcome, joined: number | ''): Promise<string[] | undefined> {
    const reason = outcome.reason ?? ''
    const failure: Failure = {
      series,
      name: outcome.name,
      reason,
      code: outcome.code ?? 'unknown',
      ...(outcome.hint === undefined ? {} : { hint: outcome.hint }),
    }
    const ended = await redis.eval(
      settleScript,
      3,
      claimKey(prefix, series),
      claimRunsKey(prefix, series),
      failedForKey(prefix, outcome.backupId),
      outcome.backupId,
      outcome.runId,
      series,
      outcome.result,
      outcome.sizeBytes,
      JSON.stringify(failure),
      outcome.name,
      reason,
      `${prefix}:run:`,
      EVENTS_KEPT,
      KEPT_SECONDS,
      joined,
    )
    return (ended as string[] | null) ?? undefined
  }

  return {
    /**
     * Begins the account; a second call for the same run changes nothing, unless its listing broke off: somebody has
     * retried it by hand, and it goes on. Returns where listing is to go on.
     */
    async open(
      run: Pick<RunAccount, 'runId' | 'jobId' | 'mode' | 'full' | 'trigger'> & Partial<Pick<RunAccount, 'isWhole'>>,
    ): Promise<{ cursor: string }> {
      const { runId, jobId, mode, full, trigger, isWhole = true } = run
      const whole = isWhole ? 1 : 0
      const now = Date.now()
      const oldest = now - KEPT_SECONDS * 1000
      const keys = [runKey(runId), indexKey]
      const fields = [jobId, mode, full ? 1 : 0, trigger, whole]
      const cursor = await redis.eval(openScript, 2, ...keys, runId, now, oldest, ...fields)
      return { cursor: String(cursor) }
    },

    /**
     * Enters one entity into the run. `new`: this run's backup has the claim and its job must be added (adding it again
     * is harmless). `joined`: a backup under way serves this run too. `counted`: nothing is left to do.
     * `besides`: not because it was listed, but because an archive of something else turned out to need it.
     */
    async plan(runId: string, plan: Plan, how: 'listed' | 'besides' = 'listed'): Promise<'new' | 'joined' | 'counted'> {
      const listed = runKey(runId, ':planned')
      const besides = runKey(runId, ':besides')
      const answer = await redis.eval(
        planScript,
        7,
        runKey(runId),
        how === 'listed' ? listed : besides,
        runKey(runId, ':pending'),
        runKey(runId, ':events'),
        claimKey(prefix, plan.series),
        claimRunsKey(prefix, plan.series),
        how === 'listed' ? besides : listed,
        runId,
        plan.series,
        plan.backupId,
        plan.action,
        plan.name,
        plan.reason,
        Date.now(),
        EVENTS_KEPT,
        plan.listedAs ?? plan.series,
        plan.queue ?? (plan.action === 'workflow' ? 'workflows' : 'exports'),
      )
      // A retry by hand may come after the run's end, when nothing else would set it.
      if (how === 'besides') await redis.expire(besides, KEPT_SECONDS)
      return answer as 'new' | 'joined' | 'counted'
    },

    /** Whether this was entered in one of the two ways ({@link plan}); forgotten of listed entities page by page. */
    async wasEntered(runId: string, listedAs: string): Promise<boolean> {
      if ((await redis.sismember(runKey(runId, ':besides'), listedAs)) === 1) return true
      return (await redis.sismember(runKey(runId, ':planned'), listedAs)) === 1
    },

    /** All entities up to the cursor are entered and their jobs added: a restarted listing begins after it. */
    async advance(runId: string, cursor: string): Promise<void> {
      await redis.multi().hset(runKey(runId), 'cursor', cursor).del(runKey(runId, ':planned')).exec()
    },

    /** Listing is over (or broke off for good): the run ends when nothing is awaited any more. */
    async endListing(runId: string, error?: string): Promise<void> {
      await redis.eval(endListingScript, 1, runKey(runId), error ?? '')
    },

    /** Counts an outcome for every run that waited for the backup; returns the runs that may now be ended. */
    async settle(series: string, outcome: Outcome): Promise<string[]> {
      return (await settle(series, outcome, '')) ?? []
    },

    /** The same, unless another run has joined since the runs were read by {@link waiting}: then undefined. */
    async settleIfSame(series: string, outcome: Outcome, { joined }: WaitingRuns): Promise<string[] | undefined> {
      return settle(series, outcome, joined)
    },

    /** The runs for which an outcome is about to count. */
    async waiting(series: string, { backupId, runId }: Pick<Outcome, 'backupId' | 'runId'>): Promise<WaitingRuns> {
      const owner = await redis.hget(claimKey(prefix, series), 'backupId')
      const joined = owner === backupId ? await redis.smembers(claimRunsKey(prefix, series)) : []
      const disappointed = await redis.smembers(failedForKey(prefix, backupId))
      return { runs: [...new Set([runId, ...joined, ...disappointed])], joined: joined.length }
    },

    /** One a series: writing it again changes nothing. */
    async addNote(runId: string, note: RunNote): Promise<void> {
      const key = runKey(runId, ':notes')
      await redis.multi().hset(key, note.series, JSON.stringify(note)).expire(key, KEPT_SECONDS).exec()
    },

    async *notes(runId: string): AsyncGenerator<RunNote> {
      for await (const text of scanValues(runKey(runId, ':notes'))) yield JSON.parse(text) as RunNote
    },

    async read(runId: string): Promise<RunAccount | undefined> {
      const fields = await redis.hgetall(runKey(runId))
      return fields.startedAtMs ? parseAccount(runId, fields) : undefined
    },

    async countPending(runId: string): Promise<number> {
      return redis.hlen(runKey(runId, ':pending'))
    },

    /** Series still awaited with the backup that is to bring them, a few hundred at a time. */
    async *pending(runId: string): AsyncGenerator<{ series: string; backupId: string }> {
      let cursor = '0'
      do {
        const [next, flat] = await redis.hscan(runKey(runId, ':pending'), cursor, 'COUNT', 200)
        cursor = next
        for (let i = 0; i + 1 < flat.length; i += 2) yield { series: flat[i]!, backupId: flat[i + 1]! }
      } while (cursor !== '0')
    },

    async *failures(runId: string): AsyncGenerator<Failure> {
      for await (const text of scanValues(runKey(runId, ':failures'))) yield JSON.parse(text) as Failure
    },

    /** Why a series has failed in this run, if it has. */
    async failureOf(runId: string, series: string): Promise<Failure | undefined> {
      const text = await redis.hget(runKey(runId, ':failures'), series)
      return text === null ? undefined : (JSON.parse(text) as Failure)
    },

    /** What happened since the event `after` (`0` for all), oldest first, at most 500. */
    async events(runId: string, after: string): Promise<RunEvent[]> {
      const rows = await redis.xrange(runKey(runId, ':events'), after === '0' ? '-' : `(${after}`, '+', 'COUNT', 500)
      return rows.map(([id, flat]) => {
        const fields = Object.fromEntries(pairs(flat))
        return {
          id,
          what: fields.what as RunEvent['what'],
          series: fields.series ?? '',
          name: fields.name ?? '',
          sizeBytes: Number(fields.sizeBytes ?? 0),
          reason: fields.reason ?? '',
        }
      })
    },

    /** True for the first call only. */
    async end(runId: string, state: 'ended' | 'interrupted'): Promise<boolean> {
      const parts = ['', ':pending', ':failures', ':notes', ':events', ':planned', ':besides']
      const keys = parts.map((part) => runKey(runId, part))
      const first = await redis.hsetnx(keys[0]!, 'endedAtMs', String(Date.now()))
      const transaction = redis.multi().hset(keys[0]!, { state })
      for (const key of keys) transaction.expire(key, KEPT_SECONDS)
      await transaction.exec()
      return first === 1
    },

    /** Ids of the newest runs, newest first, of more than {@link recent} reads. */
    async recentIds(limit: number): Promise<string[]> {
      return redis.zrevrange(indexKey, 0, limit - 1)
    },

    /** The newest runs of which anything is known, newest first. */
    async recent(limit: number): Promise<RunAccount[]> {
      const accounts: RunAccount[] = []
      for (const runId of await redis.zrevrange(indexKey, 0, limit - 1)) {
        const account = await this.read(runId)
        if (account) accounts.push(account)
      }
      return accounts
    },

    /** Runs that have not ended, oldest first. */
    async unfinished(): Promise<RunAccount[]> {
      const accounts: RunAccount[] = []
      for (const runId of await redis.zrange(indexKey, 0, -1)) {
        const account = await this.read(runId)
        if (account && (account.state === 'listing' || account.state === 'waiting')) accounts.push(account)
      }
      return accounts
    },
  }
}

function parseAccount(runId: string, fields: Record<string, string>): RunAccount {
  const count = (name: string) => Number(fields[name] ?? 0)
  return {
    runId,
    jobId: fields.jobId ?? runId,
    mode: (fields.mode ?? 'p') as Mode,
    full: fields.full === '1',
    isWhole: fields.whole !== '0',
    trigger: fields.trigger === 'schedule' || fields.trigger === 'event' ? fields.trigger : 'command',
    state: (fields.state ?? 'listing') as RunState,
    startedAtMs: count('startedAtMs'),
    endedAtMs: fields.endedAtMs ? Number(fields.endedAtMs) : undefined,
    listingError: fields.listingError,
    total: count('total'),
    done: count('done'),
    noted: count('noted'),
    skipped: count('skipped'),
    empty: count('empty'),
    failed: count('failed'),
    sizeBytes: count('sizeBytes'),
  }
}

function* pairs(flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!]
}
