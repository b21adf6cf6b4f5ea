// What the exporter tells about exports.

import { Histogram, type Registry } from 'prom-client'
import type { ArchiveContent } from '#shared/model/series.ts'

export type ExportMetrics = ReturnType<typeof defineExportMetrics>

/** From a second to six hours: small tasks take some seconds, 50 GB projects hours. */
const DURATION_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 900, 1_800, 3_600, 2 * 3_600, 6 * 3_600]

export function defineExportMetrics(registry: Registry) {
  const durations = new Histogram({
    name: 'cvat_backups_export_duration_seconds',
    help: 'From asking CVAT for an export until its file could be downloaded.',
    labelNames: ['kind'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  })
  return {
    /** `askedAt`: ISO 8601; an export that outlived its exporter counts whole. */
    finished({ kind }: ArchiveContent, askedAt: string): void {
      durations.observe({ kind }, Math.max(0, Date.now() - Date.parse(askedAt)) / 1000)
    },
  }
}
