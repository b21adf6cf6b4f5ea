// A power cut in the middle of a run, as far as processes go; then the same command once more.

import type { TestContext } from 'vitest'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { faultWorld, openInstallation, untilStored } from './installation.ts'
import { findMarked } from './product-process.ts'
import type { Chance } from './seeded-random.ts'

export interface KillEverythingOptions {
  readonly entities: number
  /** Interrupted runs before the last one. */
  readonly cuts: number
}

/** `cvat-backups backup` with its own Redis: all of it is killed, at another moment each time, then it runs to its end. */
export async function killEverything(
  test: TestContext,
  { entities, cuts }: KillEverythingOptions,
  chance: Chance,
): Promise<Findings> {
  const installation = await openInstallation({
    test,
    separate: false,
    world: faultWorld(entities),
    capacity: { exportMs: () => chance.between(20, 200), bandwidthBytesPerSecond: 2_000_000 },
  })
  for (let cut = 1; cut <= cuts; cut++) {
    const running = installation.command('backup', '--json')
    const wanted = Math.floor((entities * cut) / (cuts + 1)) + chance.between(-2, 2)
    await Promise.race([untilStored(installation, wanted), running.exited.then(endedEarly)])
    for (const pid of await findMarked(installation.mark)) process.kill(pid, 'SIGKILL')
    await running.exited
  }
  const { summary } = await installation.backup()
  return assertNothingLost(installation, { summary })
}

function endedEarly(): never {
  throw new Error('The run ended before it was killed')
}
