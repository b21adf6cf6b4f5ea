// What the scheduler tells about runs.

import { Counter, Gauge } from 'prom-client'
import type { EndedRun, LastRuns } from '#shared/coordination/last-runs.ts'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'

export interface RunMetrics {
  ended(mode: Mode, ok: boolean): void
  /** Reads no more. */
  stop(): void
}

const COUNTED = ['done', 'noted', 'skipped', 'empty', 'failed'] as const

/** Counts runs that end here, and reads what is known of the last whole ones, whichever scheduler ended them. */
export function defineRunMetrics(metrics: ProcessMetrics, lastRuns: Pick<LastRuns, 'read'>): RunMetrics {
  const registers = [metrics.registry]
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge<Label>({ name, help, labelNames: [...labelNames], registers })
  const runs = new Counter({
    name: 'cvat_backups_runs_total',
    help: 'Runs that ended, by mode and whether everything went well (ok) or not (failed).',
    labelNames: ['mode', 'result'],
    registers,
  })
  for (const mode of ['p', 'a', 't']) for (const result of ['ok', 'failed']) runs.inc({ mode, result }, 0)
  const start = gauge(
    'cvat_backups_last_run_start_timestamp_seconds',
    'When the last run of everything of this mode began.',
    ['mode'],
  )
  const end = gauge(
    'cvat_backups_last_run_end_timestamp_seconds',
    'When the last of them to have ended did so, whether it went well or not.',
    ['mode'],
  )
  const success = gauge(
    'cvat_backups_last_run_success_timestamp_seconds',
    'When the last one ended in which nothing failed; missing when none is known.',
    ['mode'],
  )
  const entities = gauge(
    'cvat_backups_last_run_entities',
    'Projects and tasks of the last ended run, by what became of them.',
    ['mode', 'result'],
  )
  const failures = gauge(
    'cvat_backups_last_run_failures',
    'Failures of the last ended run by code, of the first thousand.',
    ['mode', 'code'],
  )
  const all = [start, end, success, entities, failures]
  const clear = () => {
    for (const each of all) each.reset()
  }

  const stop = metrics.addCollector({
    name: 'runs',
    clear,
    async collect() {
      const known = await lastRuns.read()
      clear()
      for (const { mode, startedAtMs, ended, succeededAtMs } of known) {
        if (startedAtMs !== undefined) start.set({ mode }, startedAtMs / 1000)
        if (succeededAtMs !== undefined) success.set({ mode }, succeededAtMs / 1000)
        if (!ended) continue
        end.set({ mode }, ended.endedAtMs / 1000)
        for (const result of COUNTED) entities.set({ mode, result }, ended[result])
        for (const [code, count] of Object.entries(ended.failures)) failures.set({ mode, code }, count)
      }
    },
  })
  return { ended: (mode, ok) => runs.inc({ mode, result: ok ? 'ok' : 'failed' }), stop }
}

/** A run's summary as it is remembered for metrics. */
export function endedRunOf(summary: RunSummary): EndedRun {
  const { mode, ok, done, noted, skipped, empty, failed, sizeBytes } = summary
  const failures: Record<string, number> = {}
  for (const { code } of summary.failures) failures[code] = (failures[code] ?? 0) + 1
  if (summary.listingError !== null) failures['listing-failed'] = 1
  const startedAtMs = Date.parse(summary.startedAt)
  const endedAtMs = Date.parse(summary.endedAt)
  return { mode, startedAtMs, endedAtMs, ok, done, noted, skipped, empty, failed, sizeBytes, failures }
}
