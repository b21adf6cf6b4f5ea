// Webhooks: the list, single ones, their events, and pings.

import { type Answer, denied, empty, json, missing, serverErrorPage } from '../answers.ts'
import { type Call, field, type Route, type Server, textField } from '../call.ts'
import { answerList, type ListSpec } from '../list-page.ts'
import { canSeeProject } from '../visibility.ts'
import type { World } from '../world.ts'
import type { Webhook } from '../world-records.ts'
import { webhookBody } from './hook-bodies.ts'

const kinds = ['comment', 'issue', 'job', 'task']
const ofProject = [
  ...kinds.flatMap((kind) => [`create:${kind}`, `delete:${kind}`, `update:${kind}`]),
  'delete:project',
  'update:project',
]
const ofOrganization = [
  ...ofProject,
  'create:project',
  ...['invitation', 'membership'].flatMap((kind) => [`create:${kind}`, `delete:${kind}`]),
  ...['update:membership', 'delete:organization', 'update:organization'],
]

export function webhookRoutes(server: Server): Route[] {
  const { world, hooks } = server
  const spec = webhookList(world)
  return [
    {
      path: '/api/webhooks',
      allow: 'GET, POST, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const rows = [...world.webhooks.values()].filter((hook) => mayManage(world, call, hook))
          return answerList(call, spec, rows, (row) => webhookBody(world, row, call.base))
        },
        POST: (call) => create(call, server),
      },
    },
    {
      path: '/api/webhooks/events',
      allow: 'GET, HEAD, OPTIONS',
      methods: {
        GET: (call) => {
          const isProject = call.query.get('type') === 'project'
          return json(200, { webhook_type: call.query.get('type'), events: isProject ? ofProject : ofOrganization })
        },
      },
    },
    {
      path: '/api/webhooks/{id}',
      allow: 'GET, PUT, PATCH, DELETE, HEAD, OPTIONS',
      methods: {
        GET: (call) => withHook(call, world, (hook) => json(200, webhookBody(world, hook, call.base))),
        PATCH: (call) =>
          withHook(call, world, (hook) => {
            const refusal = refuseFields(call.body, hook.type)
            if (refusal) return refusal
            applyFields(hook, call.body)
            hook.updatedDate = world.clock.tick()
            return json(200, webhookBody(world, hook, call.base))
          }),
        DELETE: (call) =>
          withHook(call, world, (hook) => {
            world.webhooks.delete(hook.id)
            return empty(204)
          }),
      },
    },
    {
      path: '/api/webhooks/{id}/ping',
      allow: 'POST, OPTIONS',
      methods: {
        POST: async (call) => {
          const hook = world.webhooks.get(Number(call.params.id))
          if (!hook) return missing('Webhook')
          if (!mayManage(world, call, hook)) return denied()
          const { event, status, answer } = await hooks.ping(hook, call.user)
          return json(200, {
            id: hooks.deliveries.length,
            webhook_id: hook.id,
            event,
            status_code: status,
            response: answer,
          })
        },
      },
    },
  ]
}

function create(call: Call, { world }: Server): Answer {
  const type = textField(call.body, 'type')
  const projectId = field(call.body, 'project_id')
  const refusal = refuseFields(call.body, type)
  if (refusal) return refusal
  // Measured: neither is checked before it is used.
  if (type === 'project' && typeof projectId !== 'number') return serverErrorPage()
  if (type === 'organization' && typeof call.scope === 'string') return serverErrorPage()
  const project = type === 'project' ? world.projects.get(Number(projectId)) : undefined
  if (type === 'project' && !project) return missing('Project')
  const hook = {
    type: type === 'project' ? ('project' as const) : ('organization' as const),
    projectId: project?.id ?? null,
    organizationId: project ? project.organizationId : typeof call.scope === 'string' ? null : call.scope.id,
    ownerId: call.user.id,
    ...{ targetUrl: '', description: '', secret: '', isActive: true, enableSsl: true, events: [] },
  }
  if (!mayManage(world, call, hook)) return denied()
  const made = world.addWebhook(applyFields(hook, call.body))
  return json(201, webhookBody(world, made, call.base), { location: `${call.base}/api/webhooks/${made.id}` })
}

type Changeable = Pick<Webhook, 'targetUrl' | 'description' | 'secret' | 'isActive' | 'enableSsl' | 'events'>

function applyFields<Hook extends Changeable>(hook: Hook, body: unknown): Hook {
  hook.targetUrl = textField(body, 'target_url') ?? hook.targetUrl
  hook.description = textField(body, 'description') ?? hook.description
  hook.secret = textField(body, 'secret') ?? hook.secret
  const events = field(body, 'events')
  if (Array.isArray(events)) hook.events = events.map(String).sort()
  const isActive = field(body, 'is_active')
  if (typeof isActive === 'boolean') hook.isActive = isActive
  const enableSsl = field(body, 'enable_ssl')
  if (typeof enableSsl === 'boolean') hook.enableSsl = enableSsl
  return hook
}

function refuseFields(body: unknown, type: string | undefined): Answer | null {
  const url = textField(body, 'target_url')
  const host = url === undefined ? undefined : URL.parse(url)?.hostname
  // As Django's URLValidator: one word, unless it is localhost, and names with an underscore are none.
  const isRefused = host === undefined || host.includes('_') || (!/[.:]/.test(host) && host !== 'localhost')
  if (url !== undefined && isRefused) return json(400, { target_url: ['Enter a valid URL.'] })
  if ((textField(body, 'secret') ?? '').length > 64) {
    return json(400, { secret: ['Ensure this field has no more than 64 characters.'] })
  }
  const events = field(body, 'events')
  const known = type === 'project' ? ofProject : ofOrganization
  const unknown = Array.isArray(events) ? events.find((event) => !known.includes(String(event))) : undefined
  return unknown === undefined ? null : json(400, { events: [`"${unknown}" is not a valid choice.`] })
}

function withHook(call: Call, world: World, answer: (hook: Webhook) => Answer): Answer {
  const hook = world.webhooks.get(Number(call.params.id))
  if (!hook) return missing('Webhook')
  return mayManage(world, call, hook) ? answer(hook) : denied()
}

/** The project's owner, and who runs the organization. */
function mayManage(world: World, { user }: Call, hook: Pick<Webhook, 'projectId' | 'organizationId'>): boolean {
  if (user.isSuperuser) return true
  const project = hook.projectId === null ? undefined : world.projects.get(hook.projectId)
  if (project) return project.ownerId === user.id || canSeeProject(world, user, project)
  const role = world.organizations.get(hook.organizationId ?? 0)?.members.get(user.id)
  return role === 'owner' || role === 'maintainer'
}

function webhookList(world: World): ListSpec<Webhook> {
  const all = ['target_url', 'owner', 'type', 'description', 'id', 'project_id', 'updated_date']
  return {
    path: '/api/webhooks',
    fields: {
      target_url: { kind: 'text', get: (row) => row.targetUrl },
      owner: { kind: 'text', get: (row) => world.user(row.ownerId).username },
      type: { kind: 'text', get: (row) => row.type },
      description: { kind: 'text', get: (row) => row.description },
      id: { kind: 'number', get: (row) => row.id },
      project_id: { kind: 'number', get: (row) => row.projectId },
      updated_date: { kind: 'date', get: (row) => row.updatedDate },
    },
    search: ['target_url', 'owner', 'type', 'description'],
    filter: all,
    sort: all,
    simple: ['target_url', 'owner', 'type', 'project_id'],
    defaultSort: '-id',
  }
}
