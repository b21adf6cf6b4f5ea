// Whether the last runs of everything went well, and whether one is under way.

import { setTimeout as sleep } from 'node:timers/promises'
import type { EndedRun, LastRun, LastRuns } from '#shared/coordination/last-runs.ts'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { Finding } from './alarm.ts'

export interface RunState {
  readonly runs: readonly LastRun[]
  readonly isUnderWay: boolean
  readonly failed: readonly EndedRun[]
}

const whatOf: Readonly<Record<Mode, string>> = { p: 'backups', a: 'annotation exports', t: 'backups of every task' }

/** Between a run's end and the note of it lie some milliseconds, or the time that a scheduler takes to come back. */
const LOOK_AGAIN_MS = 300
const LOOKS = 10

export async function readRuns(
  lastRuns: Pick<LastRuns, 'read'>,
  ledger: Pick<RunLedger, 'unfinished'>,
  signal: AbortSignal,
): Promise<RunState> {
  for (let look = 1; ; look++) {
    const unfinished = (await ledger.unfinished()).filter(({ isWhole }) => isWhole)
    const runs = await lastRuns.read()
    const isEndNoted = runs.every((run) => !isOpen(run) || unfinished.some(({ mode }) => mode === run.mode))
    if (!isEndNoted && look < LOOKS) {
      await sleep(LOOK_AGAIN_MS, undefined, { signal })
      continue
    }
    const failed = runs.flatMap(({ ended }) => (ended && !ended.ok ? [ended] : []))
    return { runs, isUnderWay: unfinished.length > 0, failed }
  }
}

/** Begun later than the one that ended last. */
function isOpen({ startedAtMs, ended }: LastRun): boolean {
  return startedAtMs !== undefined && startedAtMs > (ended?.startedAtMs ?? 0)
}

/** One for each mode of which a run has ended. */
export function assessRuns({ runs }: Pick<RunState, 'runs'>): Finding[] {
  return runs.map(({ mode, ended }): Finding => {
    const key = `run-failed ${mode}`
    if (!ended) return { is: 'unknown', key }
    if (ended.ok) return { is: 'good', key }
    const all = ended.done + ended.noted + ended.skipped + ended.empty + ended.failed
    const text = `${ended.failed} of ${all} failed in the run of ${new Date(ended.startedAtMs).toISOString()}.`
    return {
      is: 'bad',
      trouble: {
        ...{ key, kind: 'run-failed', severity: 'warning', text, count: ended.failed, entities: [] },
        title: `the run of ${whatOf[mode]} (mode ${mode}) finished with failures`,
        failures: { ...ended.failures },
      },
    }
  })
}
