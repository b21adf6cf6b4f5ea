// After each test: no child process, no server and no connection that the test has opened is still there.

import { readFile } from 'node:fs/promises'
import { beforeEach, onTestFinished } from 'vitest'
import { waitFor } from './wait-for.ts'

const WATCHED = new Set(['TCPServerWrap', 'TCPSocketWrap', 'PipeWrap', 'PipeServerWrap', 'ProcessWrap'])

/** Call it at the top of a file, after {@link useRedis}: it looks once everything else of the test is closed. */
export function expectNoLeaks(): void {
  beforeEach(async () => {
    const before = await takeStock()
    // Registered first, so it runs last.
    onTestFinished(async () => {
      await waitFor('everything that the test opened to be closed', async () => {
        const leaks = subtract(await takeStock(), before)
        if (leaks.length > 0) throw new Error(`still there: ${leaks.join(', ')}`)
        return true
      })
    })
  })
}

async function takeStock(): Promise<string[]> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '')
  const pids = children.trim().split(' ').filter(Boolean)
  const resources = process.getActiveResourcesInfo().filter((name) => WATCHED.has(name))
  return [...pids.map((pid) => `process ${pid}`), ...resources]
}

function subtract(now: readonly string[], before: readonly string[]): string[] {
  const rest = [...before]
  return now.filter((name) => {
    const index = rest.indexOf(name)
    if (index === -1) return true
    rest.splice(index, 1)
    return false
  })
}
