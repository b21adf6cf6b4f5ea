// All scenarios, in the order in which they run.

import { besideUsers } from './scenarios/beside-users.ts'
import { catalogue } from './scenarios/catalogue.ts'
import { events } from './scenarios/events.ts'
import { firstBackup } from './scenarios/first-backup.ts'
import { incremental } from './scenarios/incremental.ts'
import { largeFile } from './scenarios/large-file.ts'
import { makespan } from './scenarios/makespan.ts'
import { mediaOnce } from './scenarios/media-once.ts'
import { overview } from './scenarios/overview.ts'
import { pass } from './scenarios/pass.ts'
import { polling } from './scenarios/polling.ts'
import { severalReplicas } from './scenarios/replicas.ts'
import { restore } from './scenarios/restore.ts'
import { startUp } from './scenarios/start-up.ts'
import { taskChange } from './scenarios/task-change.ts'
import { upload } from './scenarios/upload.ts'
import type { Scenario } from './support/scenario.ts'

export const scenarios: readonly Scenario[] = [
  startUp,
  catalogue,
  overview,
  events,
  pass,
  firstBackup,
  makespan,
  besideUsers,
  polling,
  restore,
  incremental,
  taskChange,
  largeFile,
  severalReplicas,
  upload,
  mediaOnce,
]
