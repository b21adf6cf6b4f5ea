// Starts the simulated server of simulator-child.ts and asks it what it was asked.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BulkSeed } from '../../test/simulator/seed-bulk.ts'

export type SimulatorCommand =
  | { readonly do: 'report' }
  | { readonly do: 'annotate'; readonly taskIds: readonly number[] }

/** All since the last report, CPU time since its start. */
export interface SimulatorReport {
  /** `GET /api/…`, in the order in which they came. */
  readonly urls: readonly string[]
  readonly passwordHashes: number
  readonly exports: number
  /** Parts of uploads, and the time from the beginning of the first to the answer to the last. */
  readonly uploads: { readonly parts: number; readonly ms: number }
  readonly cpuMs: number
}

export interface SimulatorProcess extends AsyncDisposable {
  readonly url: string
  /** A personal access token of an administrator, who needs no login with it. */
  readonly token: string
  report(): Promise<SimulatorReport>
  annotate(taskIds: readonly number[]): void
}

export async function startSimulatorProcess(options: {
  readonly seed: Partial<BulkSeed>
  readonly exportWorkers: number
}): Promise<SimulatorProcess> {
  const child = fork(join(import.meta.dirname, 'simulator-child.ts'), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const answer = async <T>(): Promise<T> => {
    const ended = new AbortController()
    const failed = once(child, 'exit', { signal: ended.signal }).then(
      ([code]) => {
        throw new Error(`the simulated server ended with ${code}`)
      },
      () => new Promise<never>(() => undefined),
    )
    try {
      return ((await Promise.race([once(child, 'message'), failed])) as [T])[0]
    } finally {
      ended.abort()
    }
  }
  const { url, token } = await answer<{ url: string; token: string }>()
  return {
    url,
    token,
    report() {
      child.send({ do: 'report' } satisfies SimulatorCommand)
      return answer<SimulatorReport>()
    },
    annotate: (taskIds) => void child.send({ do: 'annotate', taskIds } satisfies SimulatorCommand),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
