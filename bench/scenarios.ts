// All scenarios, in the order in which they run.

import { catalogue } from './scenarios/catalogue.ts'
import { firstBackup } from './scenarios/first-backup.ts'
import { overview } from './scenarios/overview.ts'
import { pass } from './scenarios/pass.ts'
import { startUp } from './scenarios/start-up.ts'
import type { Scenario } from './support/scenario.ts'

export const scenarios: readonly Scenario[] = [startUp, catalogue, overview, pass, firstBackup]
