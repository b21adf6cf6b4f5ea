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
}

export type ClaimAnswer =
  | { readonly held: true }
  /** Another backup of the series is under way. */
  | { readonly held: false; readonly why: 'superseded'; readonly by: string }
  /** Everybody who waited for this backup has gone. */
  | { readonly held: false; readonly why: 'interrupted' }

export interface Claim {
  readonly backupId: string
  readonly queue: string
  readonly jobId: string
  readonly changedAtMs: number
}

export interface Claims {
  /** Takes the claim when it is free, or confirms it and moves it to the given job when it is ours. */
  hold(request: ClaimRequest): Promise<ClaimAnswer>
  read(series: string): Promise<Claim | undefined>
}

export function openClaims({ redis, prefix }: QueueConnection): Claims {
  return {
    async hold(request) {
      const answer = await redis.eval(
        holdScript,
        2,
        claimKey(prefix, request.series),
        claimRunsKey(prefix, request.series),
        request.backupId,
        request.runId,
        request.queue,
        request.jobId,
        Date.now(),
        `${prefix}:run:`,
      )
      if (answer === 'held') return { held: true }
      if (answer === 'interrupted') return { held: false, why: 'interrupted' }
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

// KEYS claim, claim's runs; ARGV backupId, runId, queue, jobId, now, start of the runs' keys
const holdScript = `
local owner = redis.call('HGET', KEYS[1], 'backupId')
if owner and owner ~= ARGV[1] then return owner end
redis.call('SADD', KEYS[2], ARGV[2])
local wanted = false
for _, run in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('HGET', ARGV[6] .. run, 'state') ~= 'interrupted' then wanted = true end
end
if not wanted then
  redis.call('DEL', KEYS[1], KEYS[2])
  return 'interrupted'
end
redis.call('HSET', KEYS[1], 'backupId', ARGV[1], 'queue', ARGV[3], 'jobId', ARGV[4], 'changedAtMs', ARGV[5])
return 'held'
`
