// Tries again after faults that pass by themselves: throttling, 5xx, lost connections. Every call of this client may be
// repeated: lists and downloads change nothing, and a repeated export is answered with the one that is under way.

import { BackupError } from '#shared/errors/backup-error.ts'
import type { CvatRetry } from './client-options.ts'

/** Longest wait that a server's Retry-After is believed for. */
const longestRetryAfterMs = 600_000

/** The rest of what is retryable passes only in minutes (an export that is not finished): the caller decides. */
const passingSoon = new Set(['throttled', 'server-error', 'unreachable', 'timeout'])

export interface RetryRun {
  readonly policy: CvatRetry
  readonly random: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told before each pause. */
  readonly onRetry: (error: BackupError, attempt: number, delayMs: number) => void
}

/**
 * Runs until it succeeds, fails for good or the policy's limits are reached; then the last error is thrown as it is.
 * Pauses have full jitter (anything from 0 to the doubled step), and are never shorter than the server's Retry-After.
 */
export async function withRetries<T>(run: RetryRun, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  const { policy } = run
  const startedAt = performance.now()
  for (let count = 1; ; count++) {
    try {
      signal.throwIfAborted()
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!(error instanceof BackupError) || !error.retryable || !passingSoon.has(error.code)) throw error
      const delayMs = pauseMs(policy, count, run.random()) + (error.retryAfterMs ?? 0)
      const elapsedMs = performance.now() - startedAt
      if (count >= policy.attempts || elapsedMs + delayMs > policy.maxElapsedMs) throw error
      run.onRetry(error, count, delayMs)
      await run.sleep(delayMs, signal)
    }
  }
}

/** The pause after the `count`th attempt: `random` (0 to 1) of the step, which doubles up to `maxMs`. */
export function pauseMs(policy: Pick<CvatRetry, 'baseMs' | 'maxMs'>, count: number, random: number): number {
  return Math.round(random * Math.min(policy.maxMs, policy.baseMs * 2 ** (count - 1)))
}

/** Retry-After as milliseconds from now: seconds or an HTTP date; undefined when it is neither; at most ten minutes. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs)
}
