// Waiting for conditions, never for fixed times.

import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  readonly timeoutMs?: number
  readonly everyMs?: number
}

/**
 * Asks again and again until the answer is truthy, and gives it back. After the limit it throws with `what` was waited
 * for and what the last answer was, an error of the condition included.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 60_000, everyMs = 20 }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const giveUpAtMs = Date.now() + timeoutMs
  for (;;) {
    let last: unknown
    try {
      const answer = await condition()
      if (answer) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (Date.now() > giveUpAtMs) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}; the last answer was ${show(last)}`, { cause: last })
    }
    await sleep(everyMs)
  }
}

function show(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : (JSON.stringify(value) ?? String(value))
}
