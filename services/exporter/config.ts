// The exporter's own settings.

import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { duration, wholeNumber } from '#shared/config/value-schemas.ts'

const settings = {
  parallelExports: {
    name: 'CVAT_BACKUP_PARALLEL_EXPORTS',
    schema: wholeNumber({ min: 1, max: 64 }),
    default: '2',
    description:
      'How many exports may be queued or running at the CVAT server at once, over all replicas. 1 leaves the server to its users; twice the number of its export workers keeps all of them busy and is for servers that nobody else uses meanwhile (docs/performance.md).',
  },
  requestTimeoutMs: {
    name: 'CVAT_BACKUP_REQUEST_TIMEOUT_HOURS',
    // Timers of Node.js hold up to 24.8 days; a longer one would fire at once.
    schema: duration({ unitMs: 3_600_000, max: 500, zeroAllowed: false }),
    default: '1',
    description: 'How long the CVAT server may take over one export before it counts as failed.',
    unit: 'hours',
  },
} as const satisfies Settings

export const exporterSettings = defineGroup({ title: 'Exporter', settings })
