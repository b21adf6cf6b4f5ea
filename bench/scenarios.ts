// All scenarios, in the order in which they run.

import { catalogue } from './scenarios/catalogue.ts'
import { firstBackup } from './scenarios/first-backup.ts'
import { incremental } from './scenarios/incremental.ts'
import { pass } from './scenarios/pass.ts'
import { restore } from './scenarios/restore.ts'
import { startUp } from './scenarios/start-up.ts'
import { taskChange } from './scenarios/task-change.ts'
import type { Scenario } from './support/scenario.ts'

export const scenarios: readonly Scenario[] = [startUp, catalogue, pass, firstBackup, restore, incremental, taskChange]
