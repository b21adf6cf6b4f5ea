// The downloader's own settings.

import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { duration, size, wholeNumber } from '#shared/config/value-schemas.ts'

const settings = {
  parallelDownloads: {
    name: 'CVAT_BACKUP_PARALLEL_DOWNLOADS',
    schema: wholeNumber({ min: 1, max: 64 }),
    default: '3',
    description: 'How many archives one downloader process fetches at once.',
  },
  stallTimeoutMs: {
    name: 'CVAT_BACKUP_STALL_TIMEOUT_SECONDS',
    schema: duration({ unitMs: 1000, max: 86_400, zeroAllowed: false }),
    default: '60',
    description:
      'How long a connection may be silent before it is given up and the download goes on over a new one. There is no limit on the whole download.',
    unit: 'seconds',
  },
  diskReserveBytes: {
    name: 'CVAT_BACKUP_DISK_RESERVE',
    schema: size(),
    default: '1 GB',
    description:
      'How much room downloads leave free in the backup directory. A file that does not fit beside it waits, up to a day, until there is room. Where the file system does not tell its free space, downloads wait once a write is refused.',
  },
} as const satisfies Settings

export const downloaderSettings = defineGroup({ title: 'Downloader', settings })
