// A run's progress as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html

import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from 'express'
import type { BoardData } from './board-data.ts'
import { progressToJson } from './describe-json.ts'
import { toldError } from './told-error.ts'

const LOOK_EVERY_MS = 1_000
/** A proxy may take a silent connection for a dead one. */
const SPEAK_EVERY_MS = 15_000
/** Pages that follow at once; each costs a look at Redis a second. */
const MOST_FOLLOWERS = 100

export function openFollowing(data: BoardData) {
  let followers = 0
  return async (runId: string, res: Response, signal: AbortSignal): Promise<void> => {
    if (followers >= MOST_FOLLOWERS) throw toldError(503, 'Too many pages follow runs now. Load this one anew instead.')
    if (!(await data.readRun(runId))) throw toldError(404, `No run ${runId} is known (any more).`)
    followers++
    try {
      res.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }).flushHeaders()
      let told = ''
      let spokeAtMs = 0
      for (;;) {
        const run = await data.readRun(runId)
        const json = run ? progressToJson(run.summary, run.progress) : undefined
        const text = JSON.stringify(json ?? null)
        if (json && text !== told) {
          res.write(`event: progress\ndata: ${text}\n\n`)
          told = text
          spokeAtMs = performance.now()
        } else if (performance.now() - spokeAtMs > SPEAK_EVERY_MS) {
          res.write(': still there\n\n')
          spokeAtMs = performance.now()
        }
        if (!json || json.endedAt !== null) break
        await sleep(LOOK_EVERY_MS, undefined, { signal })
      }
      res.end('event: end\ndata: {}\n\n')
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      followers--
    }
  }
}
