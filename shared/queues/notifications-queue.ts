// notifications: look whether anything is wrong that people are to be told of, and tell them. One job for all: whoever wants one
// looks for nothing in particular.

import { z } from 'zod'
import type { QueueConnection } from './open-queue.ts'
import { keepFinishedJobs, type QueueDefinition } from './queue-definition.ts'

export const notificationPayloadSchema = z.object({ do: z.literal('look') })

export type NotificationPayload = z.infer<typeof notificationPayloadSchema>

/** There is one at a time: to be added by `revive`, since one that has failed keeps its id. */
export const LOOK: { readonly name: string; readonly jobId: string; readonly payload: NotificationPayload } = {
  name: 'look and tell',
  jobId: 'look',
  payload: { do: 'look' },
}

/** The next look is never far. */
export const notificationsQueue: QueueDefinition<NotificationPayload> = {
  name: 'notifications',
  schema: notificationPayloadSchema,
  jobOptions: {
    attempts: 2,
    backoff: { type: 'fixed', delay: 5_000 },
    removeOnComplete: true,
    removeOnFail: { ...keepFinishedJobs.removeOnFail, count: 10 },
  },
}

/** A notifier says so as long as it lives: without one nobody is to leave jobs for it. */
export function notifierKey({ prefix }: Pick<QueueConnection, 'prefix'>): string {
  return `${prefix}:notifier`
}
