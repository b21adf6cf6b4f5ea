// The sweeper's own settings.

import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { duration, wholeNumber } from '#shared/config/value-schemas.ts'

const settings = {
  ttlMs: {
    name: 'CVAT_BACKUP_TTL',
    aliases: ['CVAT_BACKUP_TTL_HOURS'],
    schema: duration({ unitMs: 3_600_000, max: 1_000_000, zeroAllowed: true }),
    default: '24',
    description:
      'How long an archive is kept at least. Older ones are removed, except the newest CVAT_MIN_NUM_BACKUPS.',
    unit: 'hours',
  },
  minBackups: {
    name: 'CVAT_MIN_NUM_BACKUPS',
    schema: wholeNumber({ min: 1, max: 100_000 }),
    default: '3',
    description:
      'How many archives of each project or task, kind and format are kept whatever their age. The newest verified one is never removed.',
  },
} as const satisfies Settings

export const sweeperSettings = defineGroup({ title: 'Sweeper', settings })
