// The table of queues that the board, the command line and the tests read.

import { changesQueue } from './changes-queue.ts'
import { downloadsQueue } from './downloads-queue.ts'
import { drillsQueue } from './drills-queue.ts'
import { exportsQueue } from './exports-queue.ts'
import { notificationsQueue } from './notifications-queue.ts'
import { outcomesQueue } from './outcomes-queue.ts'
import { restoresQueue } from './restores-queue.ts'
import { runsQueue } from './runs-queue.ts'
import { snapshotsQueue } from './snapshots-queue.ts'
import { sweepsQueue } from './sweeps-queue.ts'
import { verificationsQueue } from './verifications-queue.ts'
import { workflowsQueue } from './workflows-queue.ts'

export const allQueues = {
  runs: runsQueue,
  exports: exportsQueue,
  downloads: downloadsQueue,
  snapshots: snapshotsQueue,
  workflows: workflowsQueue,
  sweeps: sweepsQueue,
  verifications: verificationsQueue,
  outcomes: outcomesQueue,
  restores: restoresQueue,
  drills: drillsQueue,
  changes: changesQueue,
  notifications: notificationsQueue,
} as const

/** Those whose jobs are about one backup, the last step first. */
export const backupQueueNames = ['downloads', 'snapshots', 'exports', 'workflows'] as const
