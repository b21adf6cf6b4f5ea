// Settings of how projects' backups are kept: read by whoever plans, makes or removes them.

import { defineGroup, type Settings } from './setting.ts'
import { duration, oneOf, wholeNumber, yesOrNo } from './value-schemas.ts'

const settings = {
  strategy: {
    name: 'CVAT_BACKUP_STRATEGY',
    schema: oneOf(['whole', 'incremental']),
    default: 'whole',
    description:
      'How projects are backed up: each time whole, or as snapshots, for which only those tasks are exported that have changed. It may be changed at any time; what is there stays of use.',
  },
  minTasks: {
    name: 'CVAT_BACKUP_INCREMENTAL_MIN_TASKS',
    schema: wholeNumber({ min: 1, max: 1_000_000 }),
    default: '3',
    description: 'With CVAT_BACKUP_STRATEGY=incremental: projects with fewer tasks are backed up whole all the same.',
  },
  driftMs: {
    name: 'CVAT_BACKUP_SNAPSHOT_DRIFT',
    schema: duration({ unitMs: 60_000, max: 100_000, zeroAllowed: true }),
    default: '30',
    description:
      'A task that changes while other tasks of its project are still being exported is exported again if its archive is older than this when they are done, so that the parts of a snapshot are of about one time.',
    unit: 'minutes',
  },
  mediaOnce: {
    name: 'CVAT_BACKUP_MEDIA_ONCE',
    schema: yesOrNo(),
    default: 'no',
    description:
      'With CVAT_BACKUP_STRATEGY=incremental: a task’s media are stored once, and of its further archives only what is new: the disk then follows the change. Such an archive is of no use to CVAT without the one that has the media: `extract`, `assemble` and `restore` put them together. It may be changed at any time; what is there stays of use.',
  },
} as const satisfies Settings

export const incrementalSettings = defineGroup({ title: 'Incremental backups', settings })
