// All scenarios, in the order in which they run.

import { catalogue } from './scenarios/catalogue.ts'
import { firstBackup } from './scenarios/first-backup.ts'
import { largeFile } from './scenarios/large-file.ts'
import { pass } from './scenarios/pass.ts'
import { severalReplicas } from './scenarios/replicas.ts'
import { startUp } from './scenarios/start-up.ts'
import { upload } from './scenarios/upload.ts'
import type { Scenario } from './support/scenario.ts'

export const scenarios: readonly Scenario[] = [
  startUp,
  catalogue,
  pass,
  firstBackup,
  largeFile,
  severalReplicas,
  upload,
]
