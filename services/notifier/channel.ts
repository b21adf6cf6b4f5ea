// A way by which people are told.

import type { Message } from './message.ts'

export interface Channel {
  /** A label's value: a fixed word. */
  readonly name: 'webhook' | 'slack' | 'discord' | 'email'
  /** Resolves once the other side has taken it. May be called again with the same message. Throws what was wrong. */
  send(message: Message, signal: AbortSignal): Promise<void>
}
