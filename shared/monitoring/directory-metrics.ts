// Room in the backup directory, read when somebody asks.

import { Gauge } from 'prom-client'
import type { Store } from '#shared/store/open-store.ts'
import type { ProcessMetrics } from './open-metrics.ts'

const NAME = 'cvat_backups_directory_free_bytes'

/**
 * Absent where the file system does not tell, and while a mount hangs. Several services of one process may ask for it:
 * they have the same directory.
 */
export function collectFreeBytes(metrics: ProcessMetrics, store: Pick<Store, 'findFreeBytes'>): void {
  if (metrics.registry.getSingleMetric(NAME)) return
  const free = new Gauge({
    name: NAME,
    help: 'Bytes that may still be written in the backup directory.',
    registers: [metrics.registry],
  })
  free.remove()
  metrics.addCollector({
    name: 'directory',
    clear: () => free.remove(),
    async collect() {
      const freeBytes = await store.findFreeBytes()
      if (freeBytes === undefined) free.remove()
      else free.set(freeBytes)
    },
  })
}
