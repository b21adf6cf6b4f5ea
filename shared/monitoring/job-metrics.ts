// Jobs of all queues, as the process that handles them sees them.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/**
 * How one handling of a job ended. `failed`: for good. `retried`: it will be tried again. `postponed`: nothing is wrong but
 * the moment. `returned`: the process stops and another goes on. `lost`: another process has the job.
 */
export const jobResults = ['completed', 'failed', 'retried', 'postponed', 'returned', 'lost'] as const

export type JobResult = (typeof jobResults)[number]

export type JobMetrics = ReturnType<typeof defineJobMetrics>

/** From a tenth of a second to a day: an export of hours and the sweep of one folder go through the same histogram. */
const DURATION_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600]

export function defineJobMetrics(registry: Registry) {
  const registers = [registry]
  const jobs = new Counter({
    name: 'cvat_backups_jobs_total',
    help: 'Jobs handled, by queue and how that ended.',
    labelNames: ['queue', 'result'],
    registers,
  })
  const failures = new Counter({
    name: 'cvat_backups_job_failures_total',
    help: 'Failures of jobs by code; retried is false for those that failed for good.',
    labelNames: ['queue', 'code', 'retried'],
    registers,
  })
  const durations = new Histogram({
    name: 'cvat_backups_job_duration_seconds',
    help: 'How long handling a job took, whatever its end.',
    labelNames: ['queue'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const active = new Gauge({
    name: 'cvat_backups_jobs_active',
    help: 'Jobs that this process handles now.',
    labelNames: ['queue'],
    registers,
  })
  return {
    /** Zeros from the start: a rate needs a first value to grow from. */
    open(queue: string): void {
      for (const result of jobResults) jobs.inc({ queue, result }, 0)
      active.inc({ queue }, 0)
    },
    begin(queue: string): void {
      active.inc({ queue })
    },
    end(queue: string, result: JobResult, durationMs: number): void {
      active.dec({ queue })
      jobs.inc({ queue, result })
      durations.observe({ queue }, durationMs / 1000)
    },
    fail(queue: string, code: string, isRetried: boolean): void {
      failures.inc({ queue, code, retried: String(isRetried) })
    },
  }
}
