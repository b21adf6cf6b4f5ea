// Waits until the sweeps that the downloads triggered are over, before a process that did them goes away.

import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { RunView } from './view/run-view.ts'

const WAIT_MS = 60_000

/** False when one failed or they took too long: archives that should have gone are still there. */
export async function untilSwept(
  sweeps: Pick<OpenQueue<unknown>, 'bull'>,
  failedBefore: number,
  view: RunView,
  signal: AbortSignal,
): Promise<boolean> {
  const giveUpAtMs = Date.now() + WAIT_MS
  for (;;) {
    const { waiting = 0, active = 0, failed = 0 } = await sweeps.bull.getJobCounts('waiting', 'active', 'failed')
    if (waiting + active === 0 || Date.now() > giveUpAtMs) {
      const troubled = waiting + active + (await countRetries(sweeps)) + Math.max(0, failed - failedBefore)
      if (troubled > 0) view.say(`${troubled} sweeps after downloads did not succeed; the next sweep repeats them`)
      return troubled === 0
    }
    await sleep(100, undefined, { signal })
  }
}

/** Failed sweeps that wait for their next try. A schedule's next sweep is delayed too, but was never tried. */
async function countRetries(sweeps: Pick<OpenQueue<unknown>, 'bull'>): Promise<number> {
  return (await sweeps.bull.getDelayed(0, 999)).filter((job) => job.attemptsMade > 0).length
}
