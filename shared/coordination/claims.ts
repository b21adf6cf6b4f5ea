// A claim says which backup of a series is under way, so that however many runs overlap, nothing is exported twice at
// once, and who waits for it. All steps are single Redis scripts: safe to repeat and safe against each other.

import type { QueueConnection } from '#shared/queues/open-queue.ts'

export interface ClaimRequest {
  readonly series: string
  readonly backupId: string
  readonly runId: string
  /** The job that now carries the backup on: where `watch-runs` looks whether it is still alive. */
  readonly queue: string
  readonly jobId: string
  /**
   * Asked by this very job. It may have gone meanwhile, when Redis came back empty: a claim that it took then would let a
   * later run wait for a backup that nothing carries.
   */
  readonly isOwnJob?: boolean
  /**
   * Asked for this job by the one before, which has added it: it may have run to its end since. Whether it has is known by its
   * run; when Redis has lost that, too, only a claim that the backup still has is moved.
   */
  readonly isHandedOn?: boolean
}

export type ClaimAnswer =
  | { readonly held: true }
  /** Another backup of the series is under way. */
  | { readonly held: false; readonly why: 'superseded'; readonly by: string }
  /** Nobody waits for this backup: it was counted as done already, every run that wanted it was interrupted, or Redis has lost it. */
  | { readonly held: false; readonly why: 'unwanted' }

export interface Claim {
  readonly backupId: string
  readonly queue: string
  readonly jobId: string
  readonly changedAtMs: number
}

export interface Claims {
  /**
   * Takes the claim when it is free, or confirms it and moves it to the given job when it is ours. A backup that was
   * counted as failed may take it again (its job is retried by hand); one that was done may not, since no outcome would
   * follow that releases it.
   */
  hold(request: ClaimRequest): Promise<ClaimAnswer>
  read(series: string): Promise<Claim | undefined>
}

export function openClaims({ redis, prefix }: QueueConnection): Claims {
  return {
    async hold(request) {
      const answer = await redis.eval(
        holdScript,
        4,
        claimKey(prefix, request.series),
        claimRunsKey(prefix, request.series),
        failedForKey(prefix, request.backupId),
        `${prefix}:${request.queue}:${request.jobId}`,
        request.backupId,
        request.runId,
        request.queue,
        request.jobId,
        Date.now(),
        `${prefix}:run:`,
        request.series,
        request.isOwnJob ? 1 : 0,
        request.isHandedOn ? 1 : 0,
      )
      if (answer === 'held') return { held: true }
      if (answer === 'unwanted') return { held: false, why: 'unwanted' }
      return { held: false, why: 'superseded', by: String(answer) }
    },
    async read(series) {
      const fields = await redis.hgetall(claimKey(prefix, series))
      if (!fields.backupId) return undefined
      return {
        backupId: fields.backupId,
        queue: fields.queue ?? '',
        jobId: fields.jobId ?? '',
        changedAtMs: Number(fields.changedAtMs ?? 0),
      }
    },
  }
}

export const claimKey = (prefix: string, series: string): string => `${prefix}:claim:${series}`
export const claimRunsKey = (prefix: string, series: string): string => `${prefix}:claim-runs:${series}`
/** Runs that have counted this backup as failed: a late success is a success for all of them. */
export const failedForKey = (prefix: string, backupId: string): string => `${prefix}:failed-for:${backupId}`

// KEYS claim, claim's runs, runs it failed for, BullMQ's key of the job; ARGV backupId, runId, queue, jobId, now, start of the
// runs' keys, series, whether the job itself asks, whether the one before does
const holdScript = `
if ARGV[8] == '1' and redis.call('EXISTS', KEYS[4]) == 0 then return 'unwanted' end
local owner = redis.call('HGET', KEYS[1], 'backupId')
if owner and owner ~= ARGV[1] then return owner end
redis.call('SADD', KEYS[2], ARGV[2])
local wanted = false
for _, run in ipairs(redis.call('SUNION', KEYS[2], KEYS[3])) do
  local key = ARGV[6] .. run
  local state = redis.call('HGET', key, 'state')
  local waits = not state and (owner or ARGV[9] == '0')
    or redis.call('HGET', key .. ':pending', ARGV[7]) == ARGV[1]
    or redis.call('HEXISTS', key .. ':failures', ARGV[7]) == 1
  if waits and state ~= 'interrupted' then wanted = true end
end
if not wanted then
  redis.call('DEL', KEYS[1], KEYS[2])
  return 'unwanted'
end
redis.call('HSET', KEYS[1], 'backupId', ARGV[1], 'queue', ARGV[3], 'jobId', ARGV[4], 'changedAtMs', ARGV[5])
return 'held'
`
