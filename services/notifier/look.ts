// One look: what is wrong now, what people are told of it, the digest, the pings.

import { randomUUID } from 'node:crypto'
import { CronExpressionParser } from 'cron-parser'
import type { Logger } from 'pino'
import type { LastRun, LastRuns } from '#shared/coordination/last-runs.ts'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { describeError } from '#shared/errors/backup-error.ts'
import { redactLike } from '#shared/logging/tee-lines.ts'
import type { ProbeResult } from '#shared/monitoring/probe.ts'
import { findDueTimes } from '#shared/protection/find-due-time.ts'
import type { ProtectionTable } from '#shared/protection/protection-table.ts'
import type { Mode } from '#shared/queues/runs-queue.ts'
import type { Finding } from './alarm.ts'
import { assessDirectory, type DirectoryState } from './assess-directory.ts'
import { assessProtection, type ProtectionAssessment } from './assess-protection.ts'
import { assessReach, assessVerified } from './assess-reach.ts'
import { assessRuns, readRuns } from './assess-runs.ts'
import type { Channel } from './channel.ts'
import { decide } from './decide.ts'
import { titleOf } from './describe-message.ts'
import type { Message, Summary } from './message.ts'
import type { NotifierMetrics } from './notifier-metrics.ts'
import { deliver, enqueue } from './outbox.ts'
import { notePing, type PingUrls, pingsBegun, planPings, sendPing } from './ping.ts'
import type { NotifierState } from './state.ts'
import type { StateKeeper } from './state-keeper.ts'

export interface LookDeps {
  readonly keeper: StateKeeper
  readonly channels: readonly Channel[]
  readonly pingUrls: PingUrls
  readonly protection: Pick<ProtectionTable, 'rows' | 'readAccount'>
  readonly lastRuns: Pick<LastRuns, 'read'>
  readonly ledger: Pick<RunLedger, 'unfinished'>
  readonly askDirectory: () => Promise<DirectoryState>
  readonly askCvat: () => Promise<ProbeResult<unknown>>
  readonly directory: string
  readonly serverUrl: string
  readonly lateAfterMs: number | undefined
  readonly diskFreeBytes: number
  readonly unreachableMs: number
  readonly unverifiedMs: number
  /** Five fields of cron; undefined: no digest. */
  readonly digest: string | undefined
  readonly timeZone: string
  readonly metrics: NotifierMetrics
  readonly logger: Logger
}

/** @param redis whether Redis answers: without it nothing is known of runs and of protection, and nothing of them is told or taken back */
export async function look(
  deps: LookDeps,
  redis: ProbeResult<unknown>,
  signal: AbortSignal,
  now = new Date(),
): Promise<string> {
  const { keeper, logger } = deps
  let state = await keeper.read(now)
  const directory = await deps.askDirectory()
  const known = redis.ok ? await assessKnown(deps, now, signal) : undefined
  const cvat = await deps.askCvat()
  const verifiedAtMs = latest([
    state.verifiedAtMs,
    known?.protection.newestArchiveAtMs,
    directory.verification && directory.verification.archives > 0
      ? Date.parse(directory.verification.endedAt)
      : undefined,
  ])
  const found: Finding[] = [
    ...(known ? [...assessRuns(known), ...known.protection.findings] : []),
    ...assessDirectory(directory, {
      directory: deps.directory,
      diskFreeBytes: deps.diskFreeBytes,
      isLow: 'disk-low' in state.open,
    }),
    assessReach('cvat-unreachable', cvat, deps.unreachableMs),
    assessReach('redis-unreachable', redis, deps.unreachableMs),
    assessVerified(Math.max(verifiedAtMs ?? 0, state.beganAtMs), deps.unverifiedMs, now),
  ]
  // What is told is kept too: in the backup directory, in Redis, and `notify --status` shows it.
  const findings = found.map((finding) => redact(finding, logger))
  const { changes, ...told } = decide(state, findings, now.getTime())
  state = { ...state, ...told, lookedAtMs: now.getTime(), ...(verifiedAtMs === undefined ? {} : { verifiedAtMs }) }
  const base = { formatVersion: 1, at: now.toISOString(), server: deps.serverUrl, open: openOf(state) } as const
  const send = (message: Message) => {
    for (const { change, alarm } of message.changes) {
      logger.warn({ alarm: alarm.key, change, title: alarm.title }, 'an alarm has changed')
    }
    state = enqueue(state, redact(message, logger), deps.channels, now.getTime())
  }
  if (changes.length > 0) {
    const type = changes.every(({ change }) => change === 'cleared') ? 'recovery' : 'alarm'
    send({ ...base, type, id: randomUUID(), title: titleOf(changes), changes: [...changes] })
  }
  if (isDigestDue(deps, state, now)) {
    state = { ...state, digestAtMs: now.getTime() }
    const summary = summarise(known?.runs ?? [], known?.protection.counts ?? {}, directory)
    send({
      ...base,
      type: 'digest',
      id: randomUUID(),
      title: titleOfDigest(summary, base.open.length),
      changes: [],
      summary,
    })
  }
  if (known) state = { ...state, pings: pingsBegun(known.runs, state.pings, modesOf(deps.pingUrls)) }
  state = await keeper.save(state)
  if (known) state = await ping(state, known.runs, deps, signal)
  await deliver(state, { ...deps, save: keeper.save }, signal)
  return `${changes.length} changes, ${Object.keys(state.open).length} open`
}

async function assessKnown(
  deps: LookDeps,
  now: Date,
  signal: AbortSignal,
): Promise<{ readonly runs: readonly LastRun[]; readonly protection: ProtectionAssessment }> {
  const { runs, isUnderWay, failed } = await readRuns(deps.lastRuns, deps.ledger, signal)
  const account = await deps.protection.readAccount()
  const dueTimes = findDueTimes(account, now)
  const { lateAfterMs } = deps
  const options = { account, dueTimes, lateAfterMs, isUnderWay, failedRuns: failed, now }
  return { runs, protection: await assessProtection(untilAborted(deps.protection.rows(), signal), options) }
}

/** In order; the first that fails stops those after it, and all of them come again at the next look. */
async function ping(
  given: NotifierState,
  runs: readonly LastRun[],
  { pingUrls, metrics, logger, keeper }: LookDeps,
  signal: AbortSignal,
): Promise<NotifierState> {
  let state = given
  for (const one of planPings(runs, pingUrls, state.pings)) {
    const before = state.channels.ping ?? { lost: 0 }
    try {
      await sendPing(one, pingUrls, signal)
    } catch (error) {
      signal.throwIfAborted()
      metrics.sent('ping', 'failed')
      logger.error({ mode: one.mode, ping: one.what, err: error }, 'a ping was not taken: it is tried again')
      const failure = { atMs: Date.now(), reason: redactLike(logger, describeError(error)) }
      return keeper.save({ ...state, channels: { ...state.channels, ping: { ...before, failure } } })
    }
    metrics.sent('ping', 'sent')
    const { failure: _, ...well } = before
    const channels = { ...state.channels, ping: { ...well, lastSentAtMs: Date.now() } }
    state = await keeper.save({ ...state, pings: notePing(state.pings, one), channels })
  }
  return state
}

function openOf(state: NotifierState): Message['open'] {
  return Object.values(state.open).map(({ trouble, sinceMs }) => ({
    alarm: trouble,
    since: new Date(sinceMs).toISOString(),
  }))
}

function summarise(
  runs: readonly LastRun[],
  entities: ProtectionAssessment['counts'],
  { freeBytes, verification, drill }: DirectoryState,
): Summary {
  return {
    entities: { ...entities },
    runs: runs.flatMap(({ ended }) => {
      if (!ended) return []
      const { mode, ok, done, failed, endedAtMs } = ended
      return [{ mode, ok, done, failed, endedAt: new Date(endedAtMs).toISOString() }]
    }),
    freeBytes: freeBytes ?? null,
    lastVerification: verification?.endedAt ?? null,
    lastDrill: drill?.endedAt
      ? { endedAt: drill.endedAt, ok: drill.archives.every(({ result }) => result === 'restored') }
      : null,
  }
}

function titleOfDigest({ entities }: Summary, open: number): string {
  const all = Object.values(entities).flatMap((counts) => Object.entries(counts))
  const sum = (rows: typeof all) => rows.reduce((total, [, count]) => total + count, 0)
  const isProtected = sum(all.filter(([state]) => state === 'protected'))
  const wrong = open === 0 ? 'nothing is wrong' : open === 1 ? '1 alarm is open' : `${open} alarms are open`
  return all.length === 0 ? `Digest: ${wrong}` : `Digest: ${isProtected} of ${sum(all)} protected, ${wrong}`
}

function isDigestDue({ digest, timeZone }: LookDeps, { digestAtMs }: NotifierState, now: Date): boolean {
  if (digest === undefined) return false
  try {
    return CronExpressionParser.parse(digest, { currentDate: now, tz: timeZone }).prev().getTime() > digestAtMs
  } catch {
    // A day that never comes.
    return false
  }
}

/** What came from elsewhere was redacted there; this makes sure that none of our own secrets leaves. */
function redact<Value extends Message | Finding>(value: Value, logger: Logger): Value {
  return mapTexts(value, (text) => redactLike(logger, text)) as Value
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapTexts(one, change)]))
}

function modesOf(urls: PingUrls): Mode[] {
  return (Object.keys(urls) as Mode[]).filter((mode) => urls[mode] !== undefined)
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

async function* untilAborted<Row>(rows: AsyncIterable<Row>, signal: AbortSignal): AsyncGenerator<Row> {
  for await (const row of rows) {
    signal.throwIfAborted()
    yield row
  }
}
