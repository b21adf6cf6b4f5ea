// Whether a process can do its work, from what it depends on.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { openProbe, type ProbeResult } from './probe.ts'

export interface Check {
  /** Also a label of metrics: one of a few fixed words. */
  readonly name: 'redis' | 'cvat' | 'directory' | 'room'
  /** Whether the process can do nothing without it. Otherwise it is shown, but the process stays ready. */
  readonly isNeeded: boolean
  /** How long an answer counts. */
  readonly freshMs: number
  /** Throws what is wrong. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>
}

export interface CheckState {
  readonly ok: boolean
  readonly needed: boolean
  /** Absent when all is well. */
  readonly reason?: string
}

export interface Readiness {
  /** `degraded`: something that is not needed is away. */
  readonly status: 'ready' | 'degraded' | 'not ready'
  readonly checks: Readonly<Record<string, CheckState>>
}

const LIMIT_MS = 3_000
/** A wrong password stays wrong: asking CVAT again and again would look like an attack and lock the account. */
const REFUSED_FRESH_MS = 5 * 60_000
const REFUSED = new Set(['login-failed', 'forbidden'])

/** Opens the checks of one process; each is asked at most once per its time, however many ask. */
export function openReadiness(checks: readonly Check[]): () => Promise<Readiness> {
  const probes = checks.map(({ name, isNeeded, freshMs, ask }) => ({
    name,
    isNeeded,
    read: openProbe({ ask, limitMs: LIMIT_MS, freshMs: (result) => holdFor(result, freshMs) }),
  }))
  return async () => {
    const states = await Promise.all(
      probes.map(async ({ name, isNeeded, read }) => [name, describe(await read(), isNeeded)] as const),
    )
    const failed = states.filter(([, { ok }]) => !ok)
    const isReady = failed.every(([, { needed }]) => !needed)
    return {
      status: failed.length === 0 ? 'ready' : isReady ? 'degraded' : 'not ready',
      checks: Object.fromEntries(states),
    }
  }
}

function holdFor(result: ProbeResult<unknown>, freshMs: number): number {
  const isRefused = !result.ok && result.error instanceof BackupError && REFUSED.has(result.error.code)
  return isRefused ? REFUSED_FRESH_MS : freshMs
}

function describe(result: ProbeResult<unknown>, needed: boolean): CheckState {
  return result.ok ? { ok: true, needed } : { ok: false, needed, reason: describeError(result.error) }
}
