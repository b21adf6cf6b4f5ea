// Carries restores out, a few at a time: by the restorer that serves this target, or here. Either way each may be broken off
// at any instant and gone on with.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { noteFailure } from '#services/restorer/note-failure.ts'
import { restoreEntity } from '#services/restorer/restore-entity.ts'
import type { RestoreDeps } from '#services/restorer/restore-work.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { formatEntity } from '#shared/model/entity.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import { type RestorePayload, restoresQueue } from '#shared/queues/restores-queue.ts'

export interface RestoreEvents {
  onProgress(payload: RestorePayload, progress: object): void
  onEnd(payload: RestorePayload): Promise<void>
}

export type RunOne = (payload: RestorePayload, signal: AbortSignal) => Promise<void>

/** Those that fail stop no other; how each has ended is in its state. */
export async function runRestores(
  payloads: AsyncIterable<RestorePayload>,
  parallel: number,
  runOne: RunOne,
  signal: AbortSignal,
): Promise<void> {
  const rows = payloads[Symbol.asyncIterator]()
  let ended = false
  const work = async () => {
    while (!ended) {
      signal.throwIfAborted()
      const next = await rows.next()
      if (next.done) ended = true
      else await runOne(next.value, signal)
    }
  }
  const broken = await Promise.allSettled(Array.from({ length: parallel }, work))
  const failed = broken.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}

/** In this process, with the same number of tries as the queue gives. */
export function runHere(deps: RestoreDeps, logger: Logger, events: RestoreEvents): RunOne {
  const { attempts = 1 } = restoresQueue.jobOptions
  return async (payload, signal) => {
    const log = logger.child({
      restore: payload.restoreId,
      entity: formatEntity(payload.entity),
      target: deps.target.url,
    })
    const progress = async (now: object) => events.onProgress(payload, now)
    for (let attempt = 1; ; attempt++) {
      try {
        await restoreEntity(payload, { signal, logger: log, progress }, deps)
        break
      } catch (error) {
        signal.throwIfAborted()
        const mayPass = !(error instanceof BackupError) || error.retryable
        if (mayPass && attempt < attempts) {
          log.warn({ err: error, attempt }, 'failed, will be tried again')
          await sleep(Math.min(1_000 * 2 ** attempt, 60_000) * (0.5 + Math.random() / 2), undefined, { signal })
          continue
        }
        log.error({ err: error }, 'failed')
        await noteFailure(payload, error, deps.store, deps.now())
        break
      }
    }
    await events.onEnd(payload)
  }
}

const LOOK_EVERY_MS = 300

/** By whoever works on the queue; this only follows. Its jobs can be seen and retried on the board. */
export function handOver(queue: OpenQueue<RestorePayload>, events: RestoreEvents): RunOne {
  return async (payload, signal) => {
    const jobId = `${payload.restoreId}.${formatEntity(payload.entity)}`
    await queue.revive({ name: payload.name, jobId, payload })
    for (;;) {
      const job = await queue.bull.getJob(jobId)
      const state = await job?.getState()
      if (!job || state === 'completed' || state === 'failed') break
      if (typeof job.progress === 'object') events.onProgress(payload, job.progress)
      await sleep(LOOK_EVERY_MS, undefined, { signal })
    }
    await events.onEnd(payload)
  }
}
