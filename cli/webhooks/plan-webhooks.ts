// What has to be done at the server so that every organization and project in scope tells of its changes. A pure decision.

import type { HookOwner, WebhookRow } from '#shared/cvat/webhook-calls.ts'

/** What is listened for: all that changes what an archive or a sidecar holds. */
const wanted = ['project', 'task', 'job', 'issue', 'comment'].flatMap((kind) =>
  ['create', 'update', 'delete'].map((action) => `${action}:${kind}`),
)

export interface NamedOwner {
  readonly owner: HookOwner
  /** For people: `organization robots`, `project 6 "street"`. */
  readonly name: string
}

export type HookStep =
  | { readonly do: 'create'; readonly of: NamedOwner }
  | { readonly do: 'change'; readonly of: NamedOwner; readonly hookId: number; readonly why: string }
  | { readonly do: 'keep'; readonly of: NamedOwner; readonly hook: WebhookRow }
  /** Beside another of the same owner: everything would be told twice. */
  | { readonly do: 'remove'; readonly of: NamedOwner; readonly hookId: number }

export interface HookPlan {
  readonly steps: readonly HookStep[]
  /** Of organizations and projects that are in scope no longer. */
  readonly strays: readonly WebhookRow[]
}

/** The events of those that this CVAT knows for webhooks of a type. */
export function eventsFor(known: readonly string[]): string[] {
  return wanted.filter((event) => known.includes(event))
}

export function planWebhooks(
  owners: readonly NamedOwner[],
  existing: readonly WebhookRow[],
  events: Readonly<Record<HookOwner['type'], readonly string[]>>,
  renewSecret: boolean,
): HookPlan {
  const byOwner = Map.groupBy(existing, keyOfRow)
  const steps = owners.flatMap((of): HookStep[] => {
    const [hook, ...others] = byOwner.get(keyOf(of.owner)) ?? []
    byOwner.delete(keyOf(of.owner))
    if (!hook) return [{ do: 'create', of }]
    const why = findFault(hook, events[of.owner.type], renewSecret)
    const first: HookStep = why === undefined ? { do: 'keep', of, hook } : { do: 'change', of, hookId: hook.id, why }
    return [first, ...others.map(({ id }): HookStep => ({ do: 'remove', of, hookId: id }))]
  })
  return { steps, strays: [...byOwner.values()].flat() }
}

/** CVAT shows no secret: that it has another one shows in what our listener answered. */
function findFault(hook: WebhookRow, events: readonly string[], renewSecret: boolean): string | undefined {
  if (!hook.is_active) return 'it is switched off'
  if (events.some((event) => !hook.events.includes(event))) return 'it does not tell everything'
  if (renewSecret) return 'the secret is set anew'
  if (hook.last_status === 401) return 'its last call was refused: CVAT has another secret'
  return undefined
}

function keyOf({ type, id }: HookOwner): string {
  return `${type} ${id}`
}

/** A webhook of a project of an organization names both. */
function keyOfRow({ type, project_id, organization }: WebhookRow): string {
  return `${type} ${type === 'project' ? project_id : organization}`
}
