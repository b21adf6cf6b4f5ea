// Starts the simulated server of simulator-child.ts and asks it what it was asked.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BulkSeed } from '../../test/simulator/seed-bulk.ts'
import type { UserLoad } from './start-users.ts'
import type { WorkloadSeed } from './workload.ts'

export interface SimulatorSetup {
  readonly seed?: Partial<BulkSeed>
  /** Projects with export times and sizes of their own, besides those of the seed. */
  readonly workload?: WorkloadSeed
  readonly exportWorkers: number
  /** Of every export, unless there is a workload; 1 ms unless told. */
  readonly exportMs?: number
  /** Of every export by its size, in place of exportMs. */
  readonly exportCost?: ExportCost
  /** Whether the token may write, as a restore must; else it may read only. */
  readonly mayWrite?: boolean
  /** Shared by all downloads; unlimited unless told. */
  readonly bandwidthBytesPerSecond?: number
}

export type SimulatorCommand =
  | { readonly do: 'report' }
  | { readonly do: 'times' }
  | { readonly do: 'start-users'; readonly users: UserLoad }
  | { readonly do: 'annotate'; readonly taskIds: readonly number[] }
  | { readonly do: 'members'; readonly projectId: number }

/** One of an archive, as its directory has it. */
export interface MemberFact {
  readonly name: string
  readonly sizeBytes: number
  readonly crc32: number
}

/** All since the last report, CPU time since its start. */
export interface SimulatorReport {
  /** `GET /api/…`, in the order in which they came. */
  readonly urls: readonly string[]
  readonly passwordHashes: number
  readonly exports: number
  /** How long the exports kept a worker busy, one after the other. */
  readonly exportMs: number
  /** Of downloads and answers, without their headers. */
  readonly bytesSent: number
  /** Parts of uploads, and the time from the beginning of the first to the answer to the last. */
  readonly uploads: { readonly parts: number; readonly ms: number }
  readonly cpuMs: number
}

/** What an export costs the simulated server: so much for each, and so much for its size. */
export interface ExportCost {
  readonly fixedMs: number
  readonly bytesPerSecond: number
}

/** One export on the server's clock, in milliseconds; null as long as it has not happened. */
export interface ExportTimes {
  /** Of the administrator, whose token the backup has. */
  readonly isOurs: boolean
  readonly projectId: number
  readonly postedMs: number
  readonly startedMs: number | null
  readonly endedMs: number | null
  /** When its file was first asked for, by the address of the backup's project. */
  readonly downloadedMs: number | null
}

export interface SimulatorProcess extends AsyncDisposable {
  readonly url: string
  /** A personal access token of an administrator, who needs no login with it. */
  readonly token: string
  report(): Promise<SimulatorReport>
  /** Of all exports since the start, in the order in which they were asked for. */
  times(): Promise<readonly ExportTimes[]>
  annotate(taskIds: readonly number[]): void
  /** Of the archive that the server would make of the whole project now, in its order. Costs reading all of its media. */
  members(projectId: number): Promise<readonly MemberFact[]>
  /** People begin to ask for exports of their own. */
  startUsers(users: UserLoad): void
}

export async function startSimulatorProcess(setup: SimulatorSetup): Promise<SimulatorProcess> {
  const child = fork(join(import.meta.dirname, 'simulator-child.ts'), [JSON.stringify(setup)], {
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
    times() {
      child.send({ do: 'times' } satisfies SimulatorCommand)
      return answer<readonly ExportTimes[]>()
    },
    startUsers: (users) => void child.send({ do: 'start-users', users } satisfies SimulatorCommand),
    annotate: (taskIds) => void child.send({ do: 'annotate', taskIds } satisfies SimulatorCommand),
    members(projectId) {
      child.send({ do: 'members', projectId } satisfies SimulatorCommand)
      return answer<readonly MemberFact[]>()
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
