// Commands that may take hours, and can be broken off at any time.

import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { exitCodes } from '../exit-codes.ts'

/** @param describe what to tell of how things stand when it was broken off, in a line */
export async function interruptible(
  run: (signal: AbortSignal) => Promise<number>,
  describe: () => string,
): Promise<number> {
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  try {
    return await run(stopping.signal)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    process.stderr.write(`${describe()}\n`)
    return exitCodes.interrupted
  }
}
