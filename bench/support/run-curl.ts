// curl, timed: what a transfer takes that does nothing else.

import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Milliseconds. Rejects when it ends with anything but 0. */
export async function runCurl(args: readonly string[], signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  const child = spawn('curl', ['--silent', '--show-error', '--fail', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`curl ended with ${code}`)
  return performance.now() - startedAt
}
