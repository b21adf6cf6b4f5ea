// `webhooks install|status|remove`: has CVAT tell the listener of changes, and shows what it will do first.

import { HOOKS_PATH } from '#services/listener/config.ts'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { HookOwner, WebhookRow } from '#shared/cvat/webhook-calls.ts'
import { createLogger } from '#shared/logging/logger.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { exitCodes } from '../exit-codes.ts'
import { type AllSettings, loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { confirm } from '../restore/confirm.ts'
import { wrongUsage } from '../usage.ts'
import { carryOut } from '../webhooks/carry-out.ts'
import { listOwners } from '../webhooks/list-owners.ts'
import { eventsFor, type HookPlan, type HookStep, planWebhooks } from '../webhooks/plan-webhooks.ts'

interface Request {
  readonly action: 'install' | 'status' | 'remove'
  readonly dryRun: boolean
  readonly yes: boolean
  readonly renewSecret: boolean
}

interface Surroundings {
  readonly cvat: CvatClient
  readonly settings: AllSettings
  readonly targetUrl: string
  readonly signal: AbortSignal
}

export async function webhooks(args: string[]): Promise<number> {
  const request = readRequest(args)
  const settings = loadAllSettings()
  const { url, secret } = settings.values.listener
  const unset = [
    ...(url === undefined ? (['CVAT_BACKUP_HOOKS_URL'] as const) : []),
    ...(secret === undefined && request.action === 'install' ? (['CVAT_BACKUP_HOOKS_SECRET'] as const) : []),
  ]
  if (unset.length > 0) {
    throw new ConfigurationError(unset.map((name) => ({ name, problem: 'is not set', fix: 'Set it' })))
  }
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const level = settings.sources.LOG_LEVEL === 'default' ? 'fatal' : settings.values.logging.level
  const { format } = settings.values.logging
  const logger = createLogger({ level, format, service: 'cvat-backups', secrets: settings.secrets, destination: 2 })
  await using cvat = openConfiguredClient(settings.values.cvat, logger)
  const surroundings = { cvat, settings, targetUrl: `${url}${HOOKS_PATH}`, signal: stopping.signal }
  try {
    if (request.action === 'remove') return await removeAll(request, surroundings)
    return await installOrShow(request, surroundings)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    return exitCodes.interrupted
  }
}

async function installOrShow(request: Request, surroundings: Surroundings): Promise<number> {
  const { cvat, settings, targetUrl, signal } = surroundings
  const { values } = settings
  const scope = { filters: values.scheduler, organization: values.cvat.organization }
  const { owners, untold } = await listOwners(cvat, scope, signal)
  const existing = await listHooks(surroundings)
  const events = {
    organization: eventsFor(await cvat.webhooks.listEvents('organization', signal)),
    project: eventsFor(await cvat.webhooks.listEvents('project', signal)),
  }
  const plan = planWebhooks(owners, existing, events, request.renewSecret)
  const { username } = await cvat.getSelf(signal)
  say(`Webhooks of ${values.cvat.url} to ${targetUrl}, as ${username}:\n`)
  for (const step of plan.steps) say(`  ${describeStep(step)}\n`)
  for (const stray of plan.strays) say(`  unused   ${describeRow(stray)}: not in scope any more\n`)
  if (untold > 0) say(`  ${untold} tasks are outside projects and organizations: no webhook can tell of them\n`)
  const open = plan.steps.filter(({ do: what }) => what !== 'keep')
  if (request.action === 'status') return describeStatus(plan, open)
  if (open.length === 0) {
    say('Nothing is to be done.\n')
    return exitCodes.ok
  }
  if (request.dryRun) {
    say(`${open.length} would be done; nothing was.\n`)
    return exitCodes.ok
  }
  if (!request.yes) await confirm(`Do these ${open.length} at ${values.cvat.url}?`, signal)
  return install(open, events, surroundings)
}

async function install(
  steps: readonly HookStep[],
  events: Readonly<Record<HookOwner['type'], readonly string[]>>,
  { cvat, settings, targetUrl, signal }: Surroundings,
): Promise<number> {
  const secret = settings.values.listener.secret ?? ''
  const fieldsFor = (type: HookOwner['type']) => ({
    ...{ targetUrl, secret, events: events[type] },
    description: 'cvat-backups: backs up what changes',
  })
  let failed = 0
  let pinged: number | undefined
  for await (const { step, hookId, error } of carryOut(steps, cvat, fieldsFor, signal)) {
    if (error === undefined) say(`  done     ${step.of.name}\n`)
    else say(`  FAILED   ${step.of.name}: ${error}\n`)
    if (error !== undefined) failed++
    pinged ??= hookId
  }
  if (failed > 0) say(`${failed} of ${steps.length} failed; the same command tries them again.\n`)
  const isReached = pinged === undefined || (await tryOut(pinged, cvat, signal))
  return failed === 0 && isReached ? exitCodes.ok : exitCodes.failed
}

/** One stands for all: they have the same address. */
async function tryOut(hookId: number, cvat: CvatClient, signal: AbortSignal): Promise<boolean> {
  const status = await cvat.webhooks.ping(hookId, signal)
  if (status !== null && status >= 200 && status < 300) {
    say('CVAT has reached the listener.\n')
    return true
  }
  say(`CVAT has not reached the listener: ${explainStatus(status)}\n`)
  return false
}

function explainStatus(status: number | null): string {
  if (status === 401) return 'it was refused. Does the listener have this CVAT_BACKUP_HOOKS_SECRET?'
  if (status === 504) return 'no answer within ten seconds.'
  if (status === 502 || status === null) {
    return 'no connection. Does the listener run, and is CVAT_BACKUP_HOOKS_URL right as the CVAT server sees it? CVAT sends webhooks through a proxy that denies private addresses, unless SMOKESCREEN_OPTS of its containers allows them (docs/operations.md).'
  }
  return `the answer was ${status}. Is something else at CVAT_BACKUP_HOOKS_URL?`
}

function describeStatus(plan: HookPlan, open: readonly HookStep[]): number {
  const refused = plan.steps.flatMap((step) => (step.do === 'keep' && isBad(step.hook.last_status) ? [step] : []))
  const kept = plan.steps.length - open.length
  say(
    `${kept} of ${plan.steps.length} are as they should be; the last call of ${refused.length} did not come through.\n`,
  )
  return open.length + refused.length === 0 ? exitCodes.ok : exitCodes.failed
}

async function removeAll(request: Request, surroundings: Surroundings): Promise<number> {
  const { cvat, settings, targetUrl, signal } = surroundings
  const existing = await listHooks(surroundings)
  say(`Webhooks of ${settings.values.cvat.url} to ${targetUrl}:\n`)
  for (const hook of existing) say(`  remove   ${describeRow(hook)}\n`)
  if (existing.length === 0) say('There are none.\n')
  if (existing.length === 0 || request.dryRun) return exitCodes.ok
  if (!request.yes) await confirm(`Remove these ${existing.length} from ${settings.values.cvat.url}?`, signal)
  for (const { id } of existing) await cvat.webhooks.remove(id, signal)
  say(`${existing.length} were removed. Backups go on by the schedule.\n`)
  return exitCodes.ok
}

async function listHooks({ cvat, targetUrl, signal }: Surroundings): Promise<WebhookRow[]> {
  const rows: WebhookRow[] = []
  for await (const row of cvat.webhooks.list(targetUrl, signal)) rows.push(row)
  return rows
}

function describeStep(step: HookStep): string {
  const { name } = step.of
  if (step.do === 'create') return `create   ${name}`
  if (step.do === 'change') return `change   ${name}: ${step.why}`
  if (step.do === 'remove') return `remove   ${name}: there is another one`
  return `there    ${name}${describeLast(step.hook)}`
}

function describeLast({ last_status, last_delivery_date }: WebhookRow): string {
  if (last_status === null) return ', nothing was sent yet'
  return `, last ${last_delivery_date ?? 'call'}: ${isBad(last_status) ? `NOT TAKEN (${last_status})` : 'taken'}`
}

function describeRow({ id, type, project_id, organization }: WebhookRow): string {
  return type === 'project' ? `webhook ${id} of project ${project_id}` : `webhook ${id} of organization ${organization}`
}

/** 409: it was played to us before, or is old. */
function isBad(status: number | null): boolean {
  return status !== null && (status < 200 || status >= 300) && status !== 409
}

function say(text: string): void {
  process.stdout.write(text)
}

function readRequest(args: string[]): Request {
  const { values, positionals } = readArguments(
    args,
    {
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      'renew-secret': { type: 'boolean', default: false },
    },
    true,
  )
  const [action, ...more] = positionals
  if ((action !== 'install' && action !== 'status' && action !== 'remove') || more.length > 0) {
    throw wrongUsage('webhooks takes one word: install, status or remove')
  }
  return { action, dryRun: values['dry-run'], yes: values.yes, renewSecret: values['renew-secret'] }
}
