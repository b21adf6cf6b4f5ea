// Counts how each handling of a job ends.

import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq'
import { BackupError } from '#shared/errors/backup-error.ts'
import type { JobMetrics, JobResult } from '#shared/monitoring/job-metrics.ts'

/** What the handler threw, kept with the error that BullMQ is given, whose message is for people. */
export function failForGood(message: string, cause: unknown): UnrecoverableError {
  return Object.assign(new UnrecoverableError(message), { cause })
}

/** Runs the handling of a job and counts it; what it gives or throws passes through. */
export async function countJob<Answer>(
  queue: string,
  metrics: JobMetrics,
  run: () => Promise<Answer>,
  hasLostLock: () => boolean,
): Promise<Answer> {
  const startedAtMs = performance.now()
  metrics.begin(queue)
  let result: JobResult = 'completed'
  try {
    return await run()
  } catch (error) {
    result = classify(error, hasLostLock())
    if (result === 'failed' || result === 'retried') metrics.fail(queue, codeOf(error), result === 'retried')
    throw error
  } finally {
    metrics.end(queue, result, performance.now() - startedAtMs)
  }
}

/** The consumer gives BullMQ a class of its own for each end. */
function classify(error: unknown, hasLostLock: boolean): JobResult {
  if (error instanceof DelayedError) return 'postponed'
  if (error instanceof WaitingError) return 'returned'
  if (error instanceof UnrecoverableError) return 'failed'
  return hasLostLock ? 'lost' : 'retried'
}

/** Codes are a small fixed set; anything else than an expected fault is `unexpected`. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof BackupError ? cause.code : 'unexpected'
}
