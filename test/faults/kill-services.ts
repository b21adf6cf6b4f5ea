// Kills services at random moments while runs are under way, starts them again at once, and sees that nothing is lost.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import { assertNothingLost, type Findings } from './assert-nothing-lost.ts'
import { allServices, faultWorld, openInstallation } from './installation.ts'
import type { Chance } from './seeded-random.ts'

export interface KillOptions {
  readonly entities: number
  readonly kills: number
  readonly signal: 'SIGKILL' | 'SIGTERM'
  /** Milliseconds between two kills. */
  readonly pauseMs: readonly [min: number, max: number]
  readonly strategy?: 'whole' | 'incremental'
}

/** Runs of everything, one after another, until all kills are done; then what must hold holds for each of them. */
export async function killServices(
  test: TestContext,
  options: KillOptions,
  chance: Chance,
): Promise<Findings & { runs: number }> {
  const installation = await openInstallation({
    test,
    strategy: options.strategy,
    world: faultWorld(options.entities),
    capacity: { exportMs: () => chance.between(50, 600), bandwidthBytesPerSecond: 2_000_000 },
  })
  await installation.startAll()
  let kills = 0
  for (let runs = 1; ; runs++) {
    let isOver = false
    const backup = installation.backup('--full').finally(() => {
      isOver = true
    })
    // The command's own start takes a moment: a kill before it would hit nothing.
    await sleep(1_000)
    while (!isOver && kills < options.kills) {
      await sleep(chance.between(...options.pauseMs))
      const name = chance.pick(allServices)
      const sentAtMs = performance.now()
      const end = await installation.services.get(name)!.kill(options.signal)
      kills++
      if (options.signal === 'SIGTERM') {
        expect(end, `${name} after SIGTERM`).toEqual({ code: 0, signal: null })
        expect(performance.now() - sentAtMs).toBeLessThan(10_000)
      }
      await installation.start(name)
    }
    const { summary } = await backup
    if (kills < options.kills) continue
    return { ...(await assertNothingLost(installation, { summary, archives: runs })), runs }
  }
}
