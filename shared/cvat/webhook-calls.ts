// Webhooks: the calls by which CVAT is told whom it is to tell. Shapes are those of CVAT's OpenAPI schema for 2.64.1.

import { z } from 'zod'
import type { ApiCaller } from './api-caller.ts'
import { listByKey } from './list-pages.ts'
import { idSchema } from './rows.ts'

export type HookOwner =
  | { readonly type: 'organization'; readonly id: number; readonly slug: string }
  | { readonly type: 'project'; readonly id: number }

export interface HookFields {
  readonly targetUrl: string
  /** Signs what is sent; CVAT never shows it. */
  readonly secret: string
  readonly events: readonly string[]
  readonly description: string
}

const webhookRowSchema = z.object({
  id: idSchema,
  target_url: z.string(),
  type: z.enum(['organization', 'project']),
  project_id: idSchema.nullish().transform((id) => id ?? null),
  organization: idSchema.nullish().transform((id) => id ?? null),
  is_active: z.boolean().catch(true),
  events: z.array(z.string()).catch([]),
  /** HTTP status of the newest delivery; 502 where the address could not be reached, 504 where it did not answer in time. */
  last_status: z
    .int()
    .nullish()
    .catch(null)
    .transform((status) => status ?? null),
  last_delivery_date: z
    .string()
    .nullish()
    .catch(null)
    .transform((date) => date ?? null),
})

export type WebhookRow = z.infer<typeof webhookRowSchema>

const deliverySchema = z.object({ status_code: z.int().nullish().catch(null) })

/** All need the owner of the project, or an owner or maintainer of the organization; else `forbidden`. */
export interface WebhookCalls {
  /** Those with this target, of all that the login may see. */
  list(targetUrl: string, signal: AbortSignal): AsyncGenerator<WebhookRow>
  /** The events that CVAT knows for webhooks of this type. */
  listEvents(type: HookOwner['type'], signal: AbortSignal): Promise<string[]>
  /** Not safe to repeat: each call makes one. */
  create(owner: HookOwner, fields: HookFields, signal: AbortSignal): Promise<WebhookRow>
  /** Sets all fields but the owner, and makes it active. */
  change(id: number, fields: HookFields, signal: AbortSignal): Promise<WebhookRow>
  /** True also when it had gone before. */
  remove(id: number, signal: AbortSignal): Promise<void>
  /** Has CVAT send a ping; gives the status that it got, after up to ten seconds. */
  ping(id: number, signal: AbortSignal): Promise<number | null>
}

export function openWebhooks(caller: ApiCaller): WebhookCalls {
  return {
    async *list(targetUrl, signal) {
      const terms = [{ '==': [{ var: 'target_url' }, targetUrl] }]
      const list = { path: '/api/webhooks', row: webhookRowSchema, terms, headers: {} }
      for await (const page of listByKey(caller, list, signal)) yield* page
    },
    async listEvents(type, signal) {
      const call = { method: 'GET', path: '/api/webhooks/events', query: { type } } as const
      return (await caller.readJson(call, z.object({ events: z.array(z.string()) }), signal)).value.events
    },
    async create(owner, fields, signal) {
      const call = {
        method: 'POST',
        path: '/api/webhooks',
        headers: owner.type === 'organization' ? { 'x-organization': owner.slug } : {},
        json: { ...bodyOf(fields), type: owner.type, ...(owner.type === 'project' ? { project_id: owner.id } : {}) },
        expected: [201],
        once: true,
      } as const
      return (await caller.readJson(call, webhookRowSchema, signal)).value
    },
    async change(id, fields, signal) {
      const call = { method: 'PATCH', path: `/api/webhooks/${id}`, json: bodyOf(fields) } as const
      return (await caller.readJson(call, webhookRowSchema, signal)).value
    },
    async remove(id, signal) {
      await caller.readStatus({ method: 'DELETE', path: `/api/webhooks/${id}`, expected: [204, 404] }, signal)
    },
    async ping(id, signal) {
      const call = { method: 'POST', path: `/api/webhooks/${id}/ping` } as const
      return (await caller.readJson(call, deliverySchema, signal)).value.status_code ?? null
    },
  }
}

function bodyOf({ targetUrl, secret, events, description }: HookFields): object {
  return {
    target_url: targetUrl,
    secret,
    events,
    description,
    content_type: 'application/json',
    is_active: true,
    enable_ssl: true,
  }
}
