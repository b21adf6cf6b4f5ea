// Limits on waiting that leave nothing behind: no timer, no listener.

import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs with a signal that aborts when the caller's does, or with `timeoutError()` after `limitMs`.
 * The rejection is then the caller's reason, or that error.
 */
export async function withDeadline<T>(
  limitMs: number,
  signal: AbortSignal,
  timeoutError: () => Error,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  signal.addEventListener('abort', follow, { once: true })
  const timer = setTimeout(() => controller.abort(timeoutError()), limitMs)
  try {
    return await run(controller.signal)
  } catch (error) {
    // Whatever the abort was turned into on its way up, its reason says more.
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}

/** The promise's outcome, or a rejection with the signal's reason as soon as it aborts; the promise itself goes on. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Rejects with the signal's reason when it aborts. */
export async function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  }
}
