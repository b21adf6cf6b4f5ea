// What webhooks say, key by key as recorded.

import { commentBody, issueBody, jobBody, projectBody, taskBody, userLink } from '../bodies.ts'
import type { World } from '../world.ts'
import type { Comment, Issue, Job, Project, Task, User, Webhook, WorldEvent } from '../world-records.ts'

export function webhookBody(world: World, hook: Webhook, base: string): object {
  return {
    id: hook.id,
    url: `${base}/api/webhooks/${hook.id}`,
    target_url: hook.targetUrl,
    description: hook.description,
    type: hook.type,
    content_type: 'application/json',
    is_active: hook.isActive,
    enable_ssl: hook.enableSsl,
    created_date: hook.createdDate,
    updated_date: hook.updatedDate,
    owner: userLink(world.user(hook.ownerId), base),
    project_id: hook.projectId,
    organization: hook.organizationId,
    events: hook.events,
    ...(hook.lastStatus === null ? {} : { last_status: hook.lastStatus, last_delivery_date: hook.lastDeliveryDate }),
  }
}

export function pingBody(world: World, hook: Webhook, sender: User, base: string): object {
  return { event: 'ping', webhook: webhookBody(world, hook, base), sender: userLink(sender, base) }
}

/** At the moment of the event: what is deleted is still there. */
export function eventBody(world: World, { event, row, before }: WorldEvent, hook: Webhook, base: string): object {
  const [, kind = ''] = event.split(':')
  const sender = userLink(world.user(hook.ownerId), base)
  return {
    [kind]: rowBody(world, kind, row, base),
    sender,
    event,
    ...(before ? { before_update: before } : {}),
    webhook_id: hook.id,
  }
}

function rowBody(world: World, kind: string, row: WorldEvent['row'], base: string): object {
  if (kind === 'project') return projectBody(world, row as Project, base)
  if (kind === 'task') return taskBody(world, row as Task, base)
  if (kind === 'job') return jobBody(world, row as Job, base)
  return kind === 'issue' ? issueBody(world, row as Issue, base) : commentBody(world, row as Comment, base)
}
