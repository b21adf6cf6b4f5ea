// Messages on their way: to each channel by itself, so that one that is away holds up no other.

import type { Logger } from 'pino'
import { describeError } from '#shared/errors/backup-error.ts'
import { redactLike } from '#shared/logging/tee-lines.ts'
import type { Channel } from './channel.ts'
import type { Message } from './message.ts'
import type { NotifierMetrics } from './notifier-metrics.ts'
import type { NotifierState } from './state.ts'

/** After the n-th failure, the last of them from then on. */
const WAITS_MS = [60_000, 2 * 60_000, 5 * 60_000, 15 * 60_000]
/** Who has not got it by then has other worries; the next digest says what is wrong. */
const GIVEN_UP_MS = 24 * 3600_000
/** In all: what is more is given up, the oldest first. */
const MOST = 100

export interface OutboxDeps {
  readonly channels: readonly Channel[]
  readonly metrics: NotifierMetrics
  readonly logger: Logger
  /** Called after each change. */
  readonly save: (state: NotifierState) => Promise<NotifierState>
}

export function enqueue(
  state: NotifierState,
  message: Message,
  channels: readonly Pick<Channel, 'name'>[],
  nowMs: number,
): NotifierState {
  const added = channels.map(({ name }) => ({ channel: name, message, addedAtMs: nowMs, attempts: 0, nextAtMs: nowMs }))
  return { ...state, outbox: [...state.outbox, ...added] }
}

/**
 * Sends what is due. What was sent is noted at once: a crash in between sends one message once more.
 * A channel that fails gets nothing further in this look, that the order stays.
 */
export async function deliver(given: NotifierState, deps: OutboxDeps, signal: AbortSignal): Promise<NotifierState> {
  let state = dropLost(given, deps)
  const failing = new Set<string>()
  for (const entry of [...state.outbox]) {
    signal.throwIfAborted()
    const { channel: name, message } = entry
    const channel = deps.channels.find((one) => one.name === name)
    if (!channel || failing.has(name)) continue
    if (entry.nextAtMs > Date.now()) {
      failing.add(name)
      continue
    }
    try {
      await channel.send(message, signal)
      deps.metrics.sent(name, 'sent')
      deps.logger.info(
        { channel: name, message: message.id, type: message.type, title: message.title },
        'people were told',
      )
      state = noteSent(state, entry)
    } catch (error) {
      signal.throwIfAborted()
      failing.add(name)
      deps.metrics.sent(name, 'failed')
      deps.logger.error(
        { channel: name, message: message.id, err: error },
        'people could not be told: it is tried again',
      )
      state = noteFailed(state, entry, redactLike(deps.logger, describeError(error)))
    }
    state = await deps.save(state)
  }
  return state
}

type Entry = NotifierState['outbox'][number]

function noteSent(state: NotifierState, entry: Entry): NotifierState {
  const { failure: _, ...before } = state.channels[entry.channel] ?? { lost: 0 }
  const channels = { ...state.channels, [entry.channel]: { ...before, lastSentAtMs: Date.now() } }
  return { ...state, outbox: state.outbox.filter((one) => one !== entry), channels }
}

function noteFailed(state: NotifierState, entry: Entry, reason: string): NotifierState {
  const attempts = entry.attempts + 1
  const nextAtMs = Date.now() + WAITS_MS[Math.min(attempts, WAITS_MS.length) - 1]!
  const before = state.channels[entry.channel] ?? { lost: 0 }
  return {
    ...state,
    outbox: state.outbox.map((one) => (one === entry ? { ...entry, attempts, nextAtMs } : one)),
    channels: { ...state.channels, [entry.channel]: { ...before, failure: { atMs: Date.now(), reason } } },
  }
}

/** Of channels that are not set any more, and what was tried for too long. */
function dropLost(state: NotifierState, { channels, metrics, logger }: OutboxDeps): NotifierState {
  const nowMs = Date.now()
  const known = new Set<string>(channels.map(({ name }) => name))
  const tooMany = state.outbox.length - MOST
  const lost = state.outbox.filter(
    ({ channel, addedAtMs }, index) => !known.has(channel) || nowMs - addedAtMs > GIVEN_UP_MS || index < tooMany,
  )
  if (lost.length === 0) return state
  const counted = { ...state.channels }
  for (const { channel, message } of lost) {
    const before = counted[channel] ?? { lost: 0 }
    counted[channel] = { ...before, lost: before.lost + 1 }
    metrics.sent(channel, 'given-up')
    logger.error({ channel, message: message.id, title: message.title }, 'people were not told: it was given up')
  }
  return { ...state, channels: counted, outbox: state.outbox.filter((entry) => !lost.includes(entry)) }
}
