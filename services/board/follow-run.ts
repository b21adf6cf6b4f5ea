// A run's progress as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html

import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from 'express'
import type { BoardData } from './board-data.ts'
import { progressToJson } from './describe-json.ts'
import { texts } from './texts.ts'
import { toldError } from './told-error.ts'

const LOOK_EVERY_MS = 1_000
/** A proxy may take a silent connection for a dead one. */
const SPEAK_EVERY_MS = 15_000
/** Pages that follow at once; each costs a look at Redis a second. */
const MOST_FOLLOWERS = 100
/** Then the connection is closed, and a browser comes back by itself: whoever is no longer logged in is told so. */
const LONGEST_MS = 5 * 60_000

/** @param limits for tests */
export function openFollowing(
  data: Pick<BoardData, 'readNumbers' | 'readRun'>,
  { lookEveryMs = LOOK_EVERY_MS, longestMs = LONGEST_MS, mostFollowers = MOST_FOLLOWERS } = {},
) {
  let followers = 0
  const look = async (runId: string) => (await data.readNumbers(runId)) ?? (await data.readRun(runId))
  return async (runId: string, res: Response, signal: AbortSignal): Promise<void> => {
    if (followers >= mostFollowers) throw toldError(503, texts.refused.following)
    followers++
    try {
      if (!(await look(runId))) throw toldError(404, texts.refused.noRun(runId))
      res.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }).flushHeaders()
      const beganAtMs = performance.now()
      let told = ''
      let spokeAtMs = 0
      for (;;) {
        const run = await look(runId)
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
        if (performance.now() - beganAtMs > longestMs) return void res.end()
        await sleep(lookEveryMs, undefined, { signal })
      }
      res.end('event: end\ndata: {}\n\n')
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      followers--
    }
  }
}
