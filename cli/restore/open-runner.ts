// Who carries restores out: the restorer of running services, where it works for the same server; else this process.

import { openQueue } from '#shared/queues/open-queue.ts'
import { restoresQueue } from '#shared/queues/restores-queue.ts'
import { isTargetServed } from '#shared/restores/announce-target.ts'
import { findRunningQueues } from '../embedded/find-running-queues.ts'
import type { Surroundings } from './open-surroundings.ts'
import { handOver, type RestoreEvents, type RunOne, runHere } from './run-restores.ts'

/** Enough for any number of restorers, each of which has its own limit. */
const HANDED_OVER_AT_ONCE = 64

export async function openRunner(
  { settings, store, target, logger }: Surroundings,
  events: RestoreEvents & { onHandOver(): void },
  scope: AsyncDisposableStack,
): Promise<{ readonly runOne: RunOne; readonly atOnce: number }> {
  const queues = await findRunningQueues(settings)
  if (queues) {
    scope.defer(() => queues.close())
    if (await isTargetServed(queues.connection, target.url)) {
      const queue = openQueue(restoresQueue, queues.connection)
      scope.defer(() => queue.close())
      events.onHandOver()
      logger.info({ target: target.url }, 'handed over to the restorer of running services')
      return { runOne: handOver(queue, events), atOnce: HANDED_OVER_AT_ONCE }
    }
  }
  const { chunkBytes, importTimeoutMs, parallelRestores } = settings.values.restore
  const deps = { store, target, chunkBytes, importTimeoutMs, now: () => new Date() }
  return { runOne: runHere(deps, logger, events), atOnce: parallelRestores }
}
