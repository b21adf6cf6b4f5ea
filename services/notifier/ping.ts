// The dead-man's pings, in healthchecks.io's form: `/start`, the address itself, `/fail`.

import { createHash } from 'node:crypto'
import type { LastRun } from '#shared/coordination/last-runs.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import { post } from './post.ts'
import type { NotifierState } from './state.ts'

export type PingUrls = Readonly<Partial<Record<Mode, string>>>

export interface Ping {
  readonly mode: Mode
  readonly what: 'start' | 'success' | 'fail'
  /** When the run began: it is the same for its start and its end. */
  readonly startedAtMs: number
  readonly text: string
}

/** What is to be pinged, in order, by what was pinged before. A pure decision. */
export function planPings(runs: readonly LastRun[], urls: PingUrls, told: NotifierState['pings']): Ping[] {
  return runs.flatMap(({ mode, startedAtMs = 0, ended }): Ping[] => {
    const before = told[mode]
    if (urls[mode] === undefined || !before) return []
    const pings: Ping[] = []
    const isEndNew = ended !== undefined && ended.startedAtMs > before.endedOfMs
    // A run that began and ended between two looks: its beginning first, that its time is measured.
    const newlyBegun = [...(isEndNew ? [ended.startedAtMs] : []), startedAtMs].filter((at) => at > before.startedAtMs)
    const start = (at: number): Ping => ({ mode, what: 'start', startedAtMs: at, text: '' })
    if (isEndNew) {
      if (newlyBegun.includes(ended.startedAtMs)) pings.push(start(ended.startedAtMs))
      const { done, noted, skipped, empty, failed } = ended
      const text = `${done} backed up, ${noted} noted, ${skipped} unchanged, ${empty} empty, ${failed} failed`
      pings.push({ mode, what: ended.ok ? 'success' : 'fail', startedAtMs: ended.startedAtMs, text })
    }
    if (newlyBegun.includes(startedAtMs) && startedAtMs !== ended?.startedAtMs) pings.push(start(startedAtMs))
    return pings
  })
}

/** What of the past nobody is to be told: runs before the first look. */
export function pingsBegun(runs: readonly LastRun[], told: NotifierState['pings'], modes: readonly Mode[]) {
  const begun: NotifierState['pings'] = { ...told }
  for (const mode of modes) {
    const run = runs.find((one) => one.mode === mode)
    begun[mode] ??= { startedAtMs: run?.startedAtMs ?? 0, endedOfMs: run?.ended?.startedAtMs ?? 0 }
  }
  return begun
}

/** After it was sent. */
export function notePing(told: NotifierState['pings'], { mode, what, startedAtMs }: Ping): NotifierState['pings'] {
  const before = told[mode] ?? { startedAtMs: 0, endedOfMs: 0 }
  const started = Math.max(before.startedAtMs, startedAtMs)
  return { ...told, [mode]: { startedAtMs: started, endedOfMs: what === 'start' ? before.endedOfMs : startedAtMs } }
}

export async function sendPing(ping: Ping, urls: PingUrls, signal: AbortSignal): Promise<void> {
  const { mode, what, startedAtMs, text } = ping
  const suffix = { start: '/start', success: '', fail: '/fail' }[what]
  await post(
    withSuffix(urls[mode]!, suffix, runIdOf(mode, startedAtMs)),
    text,
    { 'content-type': 'text/plain' },
    signal,
  )
}

/** `/log` says something and changes nothing. */
export function sendTestPing(url: string, signal: AbortSignal): Promise<void> {
  return post(withSuffix(url, '/log'), 'cvat-backups notify --test', { 'content-type': 'text/plain' }, signal)
}

function withSuffix(url: string, suffix: string, runId?: string): string {
  const target = new URL(url)
  target.pathname = `${target.pathname.replace(/\/+$/, '')}${suffix}`
  // Start and end of one run have the same `rid`, a UUID: the time between them is that of this run.
  if (runId !== undefined) target.searchParams.set('rid', runId)
  return target.href
}

function runIdOf(mode: Mode, startedAtMs: number): string {
  const hex = createHash('sha256').update(`${mode} ${startedAtMs}`).digest('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)]
  return parts.join('-')
}
