// What drills have shown, read from their reports when somebody asks: those of the command line count too.

import { Gauge } from 'prom-client'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import type { Store } from '#shared/store/open-store.ts'
import { isDrillGood } from './run-drill.ts'

/** A good one that lies further back is no longer told: then something is wrong for long. */
const REPORTS = 50
/** Reports change with drills, so rarely. */
const FRESH_MS = 60_000

/** Gives back a function that takes them away again. */
export function collectDrills(metrics: ProcessMetrics, store: Pick<Store, 'readDrillReports'>): () => void {
  const registers = [metrics.registry]
  const lastGood = new Gauge({
    name: 'cvat_backups_last_good_drill_timestamp_seconds',
    help: 'When the newest drill ended that restored everything it took without a difference; 0 for none.',
    registers,
  })
  const bad = new Gauge({
    name: 'cvat_backups_last_drill_bad_archives',
    help: 'Archives that the newest ended drill could not restore as they should be, or not try.',
    registers,
  })
  const clear = () => {
    lastGood.remove()
    bad.remove()
  }
  clear()
  return metrics.addCollector({
    name: 'drills',
    freshMs: FRESH_MS,
    clear,
    async collect() {
      let newest: number | undefined
      let goodAtMs = 0
      for await (const report of store.readDrillReports(REPORTS)) {
        if (report.endedAt === undefined || report.archives.length === 0) continue
        newest ??= report.archives.filter(({ result }) => result !== 'restored').length
        if (!isDrillGood(report)) continue
        goodAtMs = Date.parse(report.endedAt)
        break
      }
      lastGood.set(goodAtMs / 1000)
      if (newest === undefined) bad.remove()
      else bad.set(newest)
    },
  })
}
