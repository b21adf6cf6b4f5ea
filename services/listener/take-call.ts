// One call of the webhook address, from its bytes to what is answered.

import type { Changes, QuietTimes } from '#shared/coordination/changes.ts'
import { addChanges } from '#shared/queues/add-changes.ts'
import type { ChangePayload } from '#shared/queues/changes-queue.ts'
import type { OpenQueue } from '#shared/queues/open-queue.ts'
import { checkSignature } from './check-signature.ts'
import type { Refusal } from './listener-metrics.ts'
import { readEvent } from './read-event.ts'
import { REPLAY_WINDOW_MS, type SeenCalls } from './seen-calls.ts'

export interface TakeCallDeps {
  readonly secret: string
  readonly times: QuietTimes
  readonly seen: SeenCalls
  readonly changes: Pick<Changes, 'note' | 'noteAdded'>
  readonly queue: OpenQueue<ChangePayload>
}

export type CallResult =
  | { readonly accepted: string }
  | { readonly refused: Refusal; readonly status: number; readonly error?: unknown }

/** CVAT gives up after 10 s, and one slow receiver holds all its webhooks up (one worker): so nobody waits for Redis for long. */
const TAKE_WITHIN_MS = 4_000

export async function takeCall(
  call: { readonly signature: string | undefined; readonly body: Buffer },
  deps: TakeCallDeps,
  now: Date,
): Promise<CallResult> {
  const signature = checkSignature(call.signature, call.body, deps.secret)
  if (signature !== 'good') return { refused: signature, status: 401 }
  const event = readEvent(parseJson(call.body))
  if (!event) return { refused: 'malformed', status: 400 }
  if (event.dateMs !== undefined && now.getTime() - event.dateMs > REPLAY_WINDOW_MS) {
    return { refused: 'too-old', status: 409 }
  }
  const { changed, find } = event
  // A ping says nothing new the second time, and does nothing.
  if (changed.length === 0 && !find) return { accepted: event.event }
  const limit = AbortSignal.timeout(TAKE_WITHIN_MS)
  try {
    const isNew =
      changed.length > 0
        ? await within(limit, addChanges(changed, deps.times, deps, deps.seen.once(call.body)))
        : await within(limit, deps.seen.remember(call.body))
    if (!isNew) return { refused: 'replayed', status: 409 }
    if (find) await within(limit, addFind(find, deps))
    return { accepted: event.event }
  } catch (error) {
    // The schedule finds it; and CVAT may be told to deliver it again.
    void deps.seen.forget(call.body).catch(() => undefined)
    return { refused: 'unavailable', status: 503, error }
  }
}

async function addFind(
  about: NonNullable<ReturnType<typeof readEvent>>['find'] & object,
  { queue, times }: TakeCallDeps,
): Promise<void> {
  await queue.add({
    name: `whose is ${about.type} ${about.id}`,
    payload: { do: 'find', about, ...times },
    options: { removeOnComplete: true },
  })
}

function within<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Error(`Redis did not answer within ${TAKE_WITHIN_MS / 1000} s`))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
