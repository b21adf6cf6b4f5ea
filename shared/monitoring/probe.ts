// A question that may hang or cost something, asked for many: bounded in time, never twice at once, and not again while
// the last answer is fresh.

export type ProbeResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown }

export interface ProbeOptions<Value> {
  /** Resolves when all is well; the signal aborts at the limit, and what ignores it is left alone. */
  readonly ask: (signal: AbortSignal) => Promise<Value>
  /** Milliseconds after which whoever asks is told that there was no answer. */
  readonly limitMs: number
  /** How long an answer is given again without asking; may depend on what was wrong. */
  readonly freshMs: (result: ProbeResult<Value>) => number
}

/**
 * Opens a probe. A call of the system on a dead network mount never ends and holds a thread: while one hangs, no second
 * is begun, and everybody is told at once.
 */
export function openProbe<Value>(options: ProbeOptions<Value>): () => Promise<ProbeResult<Value>> {
  const { ask, limitMs, freshMs } = options
  let last: { readonly result: ProbeResult<Value>; readonly untilMs: number } | undefined
  let flight: { readonly promise: Promise<ProbeResult<Value>>; readonly endsAtMs: number } | undefined

  async function begin(): Promise<ProbeResult<Value>> {
    let result: ProbeResult<Value>
    try {
      result = { ok: true, value: await ask(AbortSignal.timeout(limitMs)) }
    } catch (error) {
      result = { ok: false, error }
    }
    last = { result, untilMs: performance.now() + freshMs(result) }
    flight = undefined
    return result
  }

  return async () => {
    const nowMs = performance.now()
    if (last && nowMs < last.untilMs) return last.result
    flight ??= { promise: begin(), endsAtMs: nowMs + limitMs }
    return withLimit(flight.promise, flight.endsAtMs - nowMs, limitMs)
  }
}

async function withLimit<Value>(
  answer: Promise<ProbeResult<Value>>,
  leftMs: number,
  limitMs: number,
): Promise<ProbeResult<Value>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ProbeResult<Value>>((resolve) => {
    const error = new Error(`no answer within ${limitMs / 1000} s`)
    // A little more than the signal's own time: who heeds it gives the better reason.
    timer = setTimeout(() => resolve({ ok: false, error }), Math.max(0, leftMs) + 50)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
