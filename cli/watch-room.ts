// Tells who follows a run that downloads wait for room on the disk: such jobs are in no worker's hands meanwhile.

import { formatBytes, quoteName } from '#shared/presentation/format.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import type { ActiveJob, RunView } from './view/run-view.ts'

export interface WatchRoomDeps {
  readonly downloads: Pick<OpenQueue<unknown>, 'bull'>
  readonly view: Pick<RunView, 'say'>
}

interface WaitingJob extends ActiveJob {
  readonly neededBytes?: number | undefined
  readonly freeBytes?: number | undefined
}

const LOOKED_AT = 20
const SHOWN = 3

/** Each call gives some of the jobs that wait; that the disk is full is said once, and once that it no longer is. */
export function watchRoom({ downloads, view }: WatchRoomDeps): () => Promise<ActiveJob[]> {
  let wasTold = false
  return async () => {
    const [delayed, active] = await Promise.all([
      downloads.bull.getDelayed(0, LOOKED_AT),
      downloads.bull.getActive(0, LOOKED_AT),
    ])
    const waiting = findWaiting(delayed)
    // Now and then one is taken up to look again: that is no end of the waiting.
    const first = waiting[0] ?? findWaiting(active)[0]
    if ((first !== undefined) !== wasTold)
      view.say(first ? describeFull(first) : 'there is room for the downloads again')
    wasTold = first !== undefined
    return waiting.slice(0, SHOWN)
  }
}

function findWaiting(jobs: readonly ({ name: string; progress: unknown } | undefined)[]): WaitingJob[] {
  return jobs.flatMap((job) => {
    const progress = job?.progress as Partial<WaitingJob> | null | undefined
    return job && progress?.phase === 'waiting for disk space'
      ? [{ ...progress, phase: progress.phase, name: job.name }]
      : []
  })
}

function describeFull({ name, neededBytes, freeBytes }: WaitingJob): string {
  const figures = [
    quoteName(name),
    ...(neededBytes === undefined ? [] : [`${formatBytes(neededBytes)} needed`]),
    ...(freeBytes === undefined ? [] : [`${formatBytes(freeBytes)} free`]),
  ]
  return `the backup directory is full: downloads wait until there is room (${figures.join(', ')})`
}
