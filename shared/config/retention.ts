// The sweeper's own settings: what is kept, and in what time all of it is read again.

import { defineGroup, type Settings } from '#shared/config/setting.ts'
import { duration, wholeNumber } from '#shared/config/value-schemas.ts'
import { timeSpan } from '#shared/retention/time-span.ts'

const number = wholeNumber({ min: 0, max: 100_000 })

const settings = {
  ttlMs: {
    name: 'CVAT_BACKUP_TTL',
    aliases: ['CVAT_BACKUP_TTL_HOURS'],
    schema: duration({ unitMs: 3_600_000, max: 1_000_000, zeroAllowed: true }),
    default: '24',
    description: 'How long an archive is kept at least.',
    unit: 'hours',
  },
  minBackups: {
    name: 'CVAT_MIN_NUM_BACKUPS',
    schema: wholeNumber({ min: 1, max: 100_000 }),
    default: '3',
    description: 'How many of the newest archives are kept whatever their age.',
  },
  keepLast: {
    name: 'CVAT_BACKUP_KEEP_LAST',
    schema: number,
    description: 'The same as CVAT_MIN_NUM_BACKUPS; the larger number counts.',
    whenUnset: 'no such rule',
    example: '10',
  },
  keepHourly: {
    name: 'CVAT_BACKUP_KEEP_HOURLY',
    schema: number,
    description: 'For so many hours, counted from the newest among those that have an archive: the newest of each.',
    whenUnset: 'no such rule',
    example: '24',
  },
  keepDaily: {
    name: 'CVAT_BACKUP_KEEP_DAILY',
    schema: number,
    description: 'The same for days.',
    whenUnset: 'no such rule',
    example: '7',
  },
  keepWeekly: {
    name: 'CVAT_BACKUP_KEEP_WEEKLY',
    schema: number,
    description: 'The same for weeks, which begin on Monday.',
    whenUnset: 'no such rule',
    example: '5',
  },
  keepMonthly: {
    name: 'CVAT_BACKUP_KEEP_MONTHLY',
    schema: number,
    description: 'The same for months.',
    whenUnset: 'no such rule',
    example: '12',
  },
  keepYearly: {
    name: 'CVAT_BACKUP_KEEP_YEARLY',
    schema: number,
    description: 'The same for years.',
    whenUnset: 'no such rule',
    example: '10',
  },
  keepWithin: {
    name: 'CVAT_BACKUP_KEEP_WITHIN',
    schema: timeSpan(),
    description: 'All archives that are at most so much older than the newest of their series.',
    whenUnset: 'no such rule',
    example: '30d',
  },
  keepDeleted: {
    name: 'CVAT_BACKUP_KEEP_DELETED',
    schema: timeSpan(),
    description:
      'How long every archive stays of a project or task that was deleted on the server, from when that was noticed. Afterwards the other rules hold; its newest good archive stays even then.',
    whenUnset: 'for ever',
    example: '1y',
  },
} as const satisfies Settings

export const sweeperSettings = defineGroup({
  title: 'Sweeper',
  introduction:
    'An archive is removed only when none of these rules keeps it. Each rule looks at the archives of one project or task, of one kind and format, from one server, and counts those only that were verified without problems. The newest verified one is never removed. Hours, days, weeks, months and years are those of the calendar in TZ. docs/operations.md shows what some settings come to.',
  settings,
})

const ofVerification = {
  verifyPasses: {
    name: 'CVAT_BACKUP_VERIFY_PASSES',
    schema: wholeNumber({ min: 1, max: 10_000 }),
    default: '30',
    description:
      'In how many passes of `verify` in the schedule every stored archive is read again. Each pass reads that part of all bytes, the longest unchecked archives first: with one pass a night, 30 means once a month.',
  },
} as const satisfies Settings

export const verificationSettings = defineGroup({ title: 'Verification', settings: ofVerification })
