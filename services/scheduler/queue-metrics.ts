// How long the queues are and how old what waits in them, read from Redis when somebody asks. By the scheduler alone: every
// process would tell the same.

import type { Queue } from 'bullmq'
import { Gauge } from 'prom-client'
import type { ExportSlots } from '#shared/coordination/export-slots.ts'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'

export interface QueueMetricsDeps {
  readonly queues: readonly Pick<OpenQueue<unknown>, 'bull'>[]
  readonly exports: Pick<OpenQueue<unknown>, 'bull'>
  readonly slots: Pick<ExportSlots, 'list'>
}

const STATES = ['waiting', 'active', 'delayed', 'prioritized', 'failed'] as const

/** Gives back a function that stops it. */
export function collectQueues(metrics: ProcessMetrics, { queues, exports, slots }: QueueMetricsDeps): () => void {
  const registers = [metrics.registry]
  const jobs = new Gauge({
    name: 'cvat_backups_queue_jobs',
    help: 'Jobs in a queue by state; failed ones are kept for two weeks, to be retried by hand.',
    labelNames: ['queue', 'state'],
    registers,
  })
  const paused = new Gauge({
    name: 'cvat_backups_queue_paused',
    help: 'Whether somebody has paused the queue (1): its jobs wait until it is resumed.',
    labelNames: ['queue'],
    registers,
  })
  const oldest = new Gauge({
    name: 'cvat_backups_queue_oldest_waiting_seconds',
    help: 'How long the job that is next in the queue has been ready to be taken; 0 when none waits.',
    labelNames: ['queue'],
    registers,
  })
  const inFlight = new Gauge({
    name: 'cvat_backups_exports_in_flight',
    help: 'Exports of ours that are queued or running at the CVAT server, over all exporters (slots taken).',
    labelNames: [],
    registers,
  })
  const limit = new Gauge({
    name: 'cvat_backups_exports_limit',
    help: 'CVAT_BACKUP_PARALLEL_EXPORTS, as the exporters have set it; missing until one has started.',
    labelNames: [],
    registers,
  })
  const clear = () => {
    jobs.reset()
    paused.reset()
    oldest.reset()
    inFlight.remove()
    limit.remove()
  }
  clear()
  return metrics.addCollector({
    name: 'queues',
    clear,
    async collect() {
      const counts = await Promise.all(
        queues.map(async ({ bull }) => ({
          queue: bull.name,
          byState: await bull.getJobCounts(...STATES),
          ageMs: await ageOfNext(bull),
          isPaused: await bull.isPaused(),
        })),
      )
      const taken = (await slots.list()).length
      const allowed = await exports.bull.getGlobalConcurrency()
      clear()
      for (const { queue, byState, ageMs, isPaused } of counts) {
        for (const state of STATES) jobs.set({ queue, state }, byState[state] ?? 0)
        paused.set({ queue }, isPaused ? 1 : 0)
        oldest.set({ queue }, ageMs / 1000)
      }
      inFlight.set(taken)
      if (allowed !== null) limit.set(allowed)
    },
  })
}

/** Milliseconds since the job could have been taken; one that was put off counts from when it was due. */
async function ageOfNext(bull: Queue): Promise<number> {
  const [next] = [
    ...(await bull.getJobs(['waiting'], 0, 0, true)),
    ...(await bull.getJobs(['prioritized'], 0, 0, true)),
  ]
  return next ? Math.max(0, Date.now() - next.timestamp - (next.opts.delay ?? 0)) : 0
}
