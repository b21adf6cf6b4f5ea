// What the downloader tells about downloads.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ArchiveContent } from '#shared/model/series.ts'

export type DownloadMetrics = ReturnType<typeof defineDownloadMetrics>

const DURATION_BUCKETS = [0.5, 2, 5, 15, 60, 300, 900, 3_600, 4 * 3_600]
/** 100 kB to 100 GB. */
const SIZE_BUCKETS = [1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11]

export function defineDownloadMetrics(registry: Registry, { reserveBytes }: { readonly reserveBytes: number }) {
  const registers = [registry]
  const inFlight = new Gauge({
    name: 'cvat_backups_downloads_in_flight',
    help: 'Files that this process fetches from CVAT now.',
    registers,
  })
  const bytes = new Counter({
    name: 'cvat_backups_downloaded_bytes_total',
    help: 'Bytes fetched from CVAT, those of broken off downloads included.',
    registers,
  })
  const durations = new Histogram({
    name: 'cvat_backups_download_duration_seconds',
    help: 'How long it took to fetch a file whole; the part of this process, if another has begun it.',
    labelNames: ['kind'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const sizes = new Histogram({
    name: 'cvat_backups_archive_size_bytes',
    help: 'Sizes of the archives that were stored.',
    labelNames: ['kind'],
    buckets: SIZE_BUCKETS,
    registers,
  })
  const reserve = new Gauge({
    name: 'cvat_backups_directory_reserve_bytes',
    help: 'CVAT_BACKUP_DISK_RESERVE: what downloads leave free in the backup directory.',
    registers,
  })
  reserve.set(reserveBytes)
  return {
    received: (sizeBytes: number) => bytes.inc(sizeBytes),
    stored: ({ kind }: ArchiveContent, sizeBytes: number) => sizes.observe({ kind }, sizeBytes),
    /** Counts a download as in flight while it runs, and its time when it succeeds. */
    async fetching<Fetched>({ kind }: ArchiveContent, run: () => Promise<Fetched>): Promise<Fetched> {
      const startedAtMs = performance.now()
      inFlight.inc()
      try {
        const fetched = await run()
        durations.observe({ kind }, (performance.now() - startedAtMs) / 1000)
        return fetched
      } finally {
        inFlight.dec()
      }
    },
  }
}
