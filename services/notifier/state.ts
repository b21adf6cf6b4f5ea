// What the notifier remembers: what people were told, and what is still to be told.

import { z } from 'zod'
import { troubleSchema } from './alarm.ts'
import { messageSchema } from './message.ts'

const time = z.number().nonnegative()

export const notifierStateSchema = z.looseObject({
  formatVersion: z.literal(1),
  type: z.literal('notifications'),
  /** Grows with each change: of two copies the newer one counts. */
  revision: z.int().nonnegative(),
  beganAtMs: time,
  /** When it was last looked. */
  lookedAtMs: time,
  /** What was told and is still wrong, by key. */
  open: z.record(
    z.string(),
    z.object({
      trouble: troubleSchema,
      sinceMs: time,
      toldAtMs: time,
      /** How many were concerned when it was last told. */
      toldCount: z.int().nonnegative(),
    }),
  ),
  /** Wrong, but not for long enough to be told; since when. */
  pending: z.record(z.string(), time),
  /** When something was last well again. */
  cleared: z.record(z.string(), time),
  /** What was pinged, by mode: when the run began that was told of. */
  pings: z.record(z.string(), z.object({ startedAtMs: time, endedOfMs: time })),
  digestAtMs: time,
  /** When the newest archive was verified, as far as is known. */
  verifiedAtMs: time.optional(),
  /** A whole run was under way at the last look. */
  outbox: z.array(
    z.object({ channel: z.string(), message: messageSchema, addedAtMs: time, attempts: z.int(), nextAtMs: time }),
  ),
  /** How each channel fared. */
  channels: z.record(
    z.string(),
    z.object({
      lastSentAtMs: time.optional(),
      /** The last attempt, if it failed. */
      failure: z.object({ atMs: time, reason: z.string() }).optional(),
      /** Messages that were given up. */
      lost: z.int().nonnegative(),
    }),
  ),
})

export type NotifierState = z.infer<typeof notifierStateSchema>

export function newState(nowMs: number): NotifierState {
  return {
    formatVersion: 1,
    type: 'notifications',
    revision: 0,
    beganAtMs: nowMs,
    lookedAtMs: nowMs,
    ...{ open: {}, pending: {}, cleared: {}, pings: {}, outbox: [], channels: {} },
    digestAtMs: nowMs,
  }
}
