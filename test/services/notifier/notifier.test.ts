// People are told: by a mail server and by webhook receivers of this machine, about real runs against the simulated server.

import { createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { NotifierSettings } from '#services/notifier/config.ts'
import { type Message, messageSchema } from '#services/notifier/message.ts'
import { type NotifierDeps, startNotifier } from '#services/notifier/service.ts'
import { notifierStateSchema } from '#services/notifier/state.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { DrillReport } from '#shared/store/drill-report.ts'
import { serverErrorPage } from '../../simulator/answers.ts'
import { collectLogs } from '../../support/collect-logs.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { removeKeys, startRedis, useRedis } from '../../support/redis-server.ts'
import { smallWorld } from '../../support/small-world.ts'
import { type Stack, type StackOptions, startStack } from '../../support/start-stack.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Mailbox, type Receiver, startMailbox, startReceiver } from './receivers.ts'

const redis = useRedis()
expectNoLeaks()
const { signal } = new AbortController()
const HOUR = 3600_000

const quiet: NotifierSettings = {
  ...{ webhookUrl: undefined, webhookSecret: undefined, slackUrl: undefined, discordUrl: undefined },
  ...{ mailTo: undefined, mailFrom: undefined, smtpUrl: undefined, smtpUsername: undefined, smtpPassword: undefined },
  ...{ pingUrlP: undefined, pingUrlA: undefined, pingUrlT: undefined },
  ...{ digest: undefined, diskFreeBytes: 0, unreachableMs: 0, unverifiedMs: 48 * HOUR },
}

interface Told {
  readonly hook: Receiver
  readonly messages: () => Message[]
}

async function open(stack: Stack, settings: Partial<NotifierSettings> = {}, more: Partial<NotifierDeps> = {}) {
  const metrics = openMetrics()
  const notifier = await startNotifier({
    ...{ connection: stack.connection, store: stack.store, cvat: stack.cvat, logger: stack.logs.logger, metrics },
    ...{ serverUrl: stack.simulator.url, lateAfterMs: undefined, timeZone: 'UTC', everyMs: 24 * HOUR },
    settings: { ...quiet, ...settings },
    ...more,
  })
  let isOpen = true
  const close = async () => {
    if (isOpen) await notifier.close()
    isOpen = false
  }
  onTestFinished(close)
  // It looks once when it starts.
  await waitFor('the first look', () => stack.store.readStatus('notifications'))
  if (more.everyMs === undefined) await notifier.look(signal)
  const state = async () => notifierStateSchema.parse(await stack.store.readStatus('notifications'))
  return { notifier, metrics, close, state, look: () => notifier.look(signal) }
}

async function openHook(): Promise<Told> {
  const hook = await startReceiver()
  return { hook, messages: () => hook.calls.map(({ body }) => messageSchema.parse(JSON.parse(body))) }
}

const changesOf = (message: Message | undefined) =>
  message?.changes.map(({ change, alarm }) => `${change} ${alarm.key}`)

/** No CVAT is asked about anything: what is told is what is put into the tables. */
function quietStack(options: StackOptions = {}) {
  return startStack(redis, { services: [], world: smallWorld(), ...options })
}

test('1,000 failures in a run are one message by each channel, and the recovery is one', async () => {
  const stack = await quietStack({ services: ['scheduler'] })
  const { hook, messages } = await openHook()
  const slack = await startReceiver()
  const discord = await startReceiver()
  const mailbox: Mailbox = await startMailbox()
  const { look, state } = await open(stack, {
    ...{ webhookUrl: `${hook.url}/hook`, webhookSecret: 'the secret of the webhook' },
    ...{
      slackUrl: `${slack.url}/services/T0/B0/token-slack`,
      discordUrl: `${discord.url}/api/webhooks/1/token-discord`,
    },
    ...{
      mailTo: ['admin@example.com', 'other@example.com'],
      smtpUrl: { host: '127.0.0.1', port: mailbox.port, isSecure: false },
    },
  })
  await look()
  const run = async (runId: string, result: 'failed' | 'done') => {
    await stack.ledger.open({ runId, jobId: runId, mode: 'p', full: false, trigger: 'schedule', isWhole: true })
    const account = await stack.ledger.read(runId)
    await stack.lastRuns.noteStarted('p', account!.startedAtMs)
    const ids = Array.from({ length: 1_000 }, (_, index) => index + 1)
    const series = (id: number) => ({ entity: { type: 'project', id }, content: { kind: 'backup' } }) as const
    const found = { found: 'due', organization: null, link: 'https://cvat.example.com/projects/1' } as const
    const archive = { createdAtMs: Date.now() - HOUR }
    const sightings = ids.map((id) => ({
      ...found,
      series: series(id),
      name: `street ${id} <!channel> @everyone`,
      archive,
    }))
    await stack.protection.noteListed('p', account!.startedAtMs, sightings)
    const plan = (id: number) => {
      const key = `project-${id}.backup`
      return { series: key, name: `p${id}`, action: 'backup', reason: '', backupId: `${runId}.${key}` } as const
    }
    await Promise.all(ids.map((id) => stack.ledger.plan(runId, plan(id))))
    await stack.protection.endListing('p', account!.startedAtMs, signal)
    await stack.ledger.endListing(runId)
    const failure = { reason: 'the export failed', code: 'export-failed' }
    const outcomes = ids.map((id): { name: string; payload: Outcome } => {
      const backupId = `${runId}.project-${id}.backup`
      const base = { backupId, runId, series: series(id), name: `p${id}`, result, sizeBytes: 1 } as const
      return { name: `${id}`, payload: result === 'failed' ? { ...base, ...failure } : base }
    })
    await stack.queues.outcomes.addAll(outcomes)
    // While it goes on nothing of it is told.
    await look()
    await stack.ended(runId)
    await waitFor('its end to be noted', async () => {
      const [last] = await stack.lastRuns.read()
      return last?.ended?.startedAtMs === account!.startedAtMs
    })
    await look()
    await look()
  }
  await run('20261126T000000Z-p-000001', 'failed')
  expect(messages().map(changesOf)).toEqual([['raised run-failed p']])
  const [message] = messages()
  expect(message).toMatchObject({
    type: 'alarm',
    changes: [{ alarm: { count: 1_000, failures: { 'export-failed': 1_000 } } }],
  })
  expect([slack.calls.length, discord.calls.length, mailbox.mails.length]).toEqual([1, 1, 1])
  expect(mailbox.mails[0]).toMatch(/^Subject: \[cvat-backups\] ALARM: the run of backups/m)
  expect(mailbox.mails[0]).toContain('1000 export-failed')
  expect(JSON.parse(slack.calls[0]!.body).text).not.toContain('<!channel>')
  expect(JSON.parse(discord.calls[0]!.body)).toMatchObject({ allowed_mentions: { parse: [] } })
  const { body, headers } = hook.calls[0]!
  const hex = createHmac('sha256', 'the secret of the webhook').update(body).digest('hex')
  expect(headers['x-signature-256']).toBe(`sha256=${hex}`)

  await run('20261126T010000Z-p-000002', 'done')
  expect(messages().map(changesOf)).toEqual([['raised run-failed p'], ['cleared run-failed p']])
  expect(messages()[1]).toMatchObject({ type: 'recovery', open: [] })
  expect(mailbox.mails).toHaveLength(2)
  expect(mailbox.mails[1]).toMatch(/^Subject: \[cvat-backups\] Well again/m)
  expect((await state()).outbox).toEqual([])
}, 120_000)

test('a real run: what is incomplete and what was never backed up is told by name, and that it is over', async () => {
  const world = smallWorld({ projects: 2 })
  const stack = await startStack(redis, { world })
  const { hook, messages } = await openHook()
  const { look } = await open(stack, { webhookUrl: hook.url })
  world.removeMedia(1)
  await stack.backUp()
  await look()
  expect(messages().map(changesOf)).toEqual([['raised run-failed p', 'raised incomplete']])
  const incomplete = messages()[0]!.changes[1]!.alarm
  expect(incomplete).toMatchObject({
    count: 1,
    severity: 'critical',
    entities: [{ entity: 'project-1', name: 'project 1' }],
  })
  world.restoreMedia(1)
  world.renameProject(1, 'mended')
  await stack.backUp()
  await look()
  expect(messages().slice(1).map(changesOf)).toEqual([['cleared run-failed p', 'cleared incomplete']])
})

test('late by the schedule, stale, failed by themselves and never protected are each told once', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const { look } = await open(stack, { webhookUrl: hook.url }, { lateAfterMs: HOUR })
  const longAgo = Date.now() - 10 * HOUR
  const sighting = (id: number, archive?: object) => ({
    ...{ series: { entity: { type: 'project', id }, content: { kind: 'backup' } }, name: `p${id}`, organization: null },
    ...{ link: 'https://cvat.example.com', found: 'due', ...(archive ? { archive: { createdAtMs: longAgo } } : {}) },
  })
  const sightings = [sighting(1, {}), sighting(2, {}), sighting(3, {}), sighting(4)]
  await stack.protection.noteListed('p', longAgo, sightings as Parameters<typeof stack.protection.noteListed>[2])
  await look()
  // Before anything was listed whole, nothing is known.
  expect(messages()).toEqual([])
  await stack.protection.endListing('p', longAgo, signal)
  await stack.protection.noteAttempt('project-2.backup', { result: 'failed', code: 'stale', reason: 'an old file' })
  await stack.protection.noteAttempt('project-3.backup', { result: 'failed', code: 'export-failed', reason: 'boom' })
  await look()
  await look()
  expect(messages().map(changesOf)).toEqual([['raised never', 'raised failed', 'raised stale', 'raised late']])
  for (const id of [1, 2, 3, 4]) {
    const archive = { createdAtMs: Date.now(), sizeBytes: 1 }
    await stack.protection.noteAttempt(`project-${id}.backup`, { result: 'done', archive })
  }
  await look()
  expect(messages()[1]).toMatchObject({ type: 'recovery' })
  expect(messages()[1]!.changes).toHaveLength(4)
})

test('CVAT away, a full disk, a failed drill, damage and nothing verified are told, and when they are over', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const free = Number.MAX_SAFE_INTEGER
  const settings = { webhookUrl: hook.url, diskFreeBytes: free, unverifiedMs: 1 }
  stack.simulator.faults.add({ route: '/api/users/self', fault: { kind: 'answer', answer: serverErrorPage() } })
  const at = new Date().toISOString()
  const report: DrillReport = {
    ...{ formatVersion: 1, type: 'drill', drillId: '20261126T000000Z-drill-00000001', source: 's', target: 't' },
    ...{ targetVersion: '2', startedAt: at, endedAt: at, aliveAt: at, holder: { host: 'h', pid: 1 }, leftovers: [] },
    archives: [
      {
        ...{
          entity: 'project-6',
          name: 'x',
          archive: 'a.zip',
          sizeBytes: 1,
          at,
          seconds: 1,
          differences: [],
          notes: [],
        },
        result: 'refused',
        reason: 'CVAT refused it',
      },
    ],
  }
  await stack.store.writeDrillReport(report)
  const verification = {
    formatVersion: 1,
    type: 'verification',
    startedAt: at,
    endedAt: at,
    archives: 5,
    bytes: 5,
    failed: 0,
  }
  await stack.store.writeStatus('verification', { ...verification, damaged: 1, found: ['project-6/a.zip: CRC'] })
  const first = await open(stack, settings)
  await first.look()
  // That nothing is verified shows a moment later than all else.
  expect(
    messages()
      .flatMap((message) => changesOf(message)!)
      .sort(),
  ).toEqual(
    ['cvat-unreachable', 'disk-low', 'drill-failed', 'nothing-verified', 'verification-failed'].map(
      (key) => `raised ${key}`,
    ),
  )
  const before = messages().length
  expect(hook.calls[0]!.body).toContain('project-6 refused: CVAT refused it')
  await first.close()
  // Another process, after the room was made: the state is the directory's.
  stack.simulator.faults.clear()
  await stack.store.writeDrillReport({ ...report, archives: [{ ...report.archives[0]!, result: 'restored' }] })
  await stack.store.writeStatus('verification', { ...verification, damaged: 0, found: [] })
  const second = await open(stack, { ...settings, diskFreeBytes: 1, unverifiedMs: HOUR })
  await second.look()
  expect(messages()).toHaveLength(before + 1)
  expect(messages()[before]).toMatchObject({ type: 'recovery', open: [] })
  expect(messages()[before]!.changes).toHaveLength(5)
})

test('state outlives a restart, an emptied Redis and a directory that is away: nobody is told twice', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const settings = { webhookUrl: hook.url, diskFreeBytes: Number.MAX_SAFE_INTEGER }
  const first = await open(stack, settings)
  await first.look()
  await first.look()
  await first.close()
  expect(messages()).toHaveLength(1)
  await removeKeys(stack.connection)
  const second = await open(stack, settings)
  await second.look()
  await second.close()
  await writeFile(join(stack.directory, '.cvat-backups', 'notifications.json'), 'torn {')
  const third = await open(stack, settings)
  await third.look()
  expect(messages()).toHaveLength(1)
})

test('several notifiers tell once', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const settings = { webhookUrl: hook.url, diskFreeBytes: Number.MAX_SAFE_INTEGER }
  const notifiers = await Promise.all([1, 2, 3].map(() => open(stack, settings, { everyMs: 40 })))
  await waitFor('a message', () => messages().length > 0)
  const looksBefore = (await notifiers[0]!.state()).revision
  await waitFor('many more looks', async () => (await notifiers[0]!.state()).revision > looksBefore + 10)
  expect(messages()).toHaveLength(1)
})

test('a channel that fails is seen, holds up no other, and gets the message later', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const slack = await startReceiver()
  slack.status = 500
  const token = 'T0/B0/the-token-of-slack'
  const { look, state, metrics } = await open(stack, {
    ...{ webhookUrl: hook.url, slackUrl: `${slack.url}/${token}`, diskFreeBytes: Number.MAX_SAFE_INTEGER },
  })
  await look()
  expect(messages()).toHaveLength(1)
  expect((await state()).channels.slack?.failure?.reason).toContain('the answer was 500')
  expect(stack.logs.lines.filter(({ msg }) => msg.startsWith('people could not be told'))).toHaveLength(1)
  const text = await metrics.render()
  expect(text).toContain('cvat_backups_notifications_total{channel="slack",result="failed"} 1')
  expect(text).toContain('cvat_backups_notification_channel_up{channel="slack"} 0')
  expect(text).toContain('cvat_backups_notifications_waiting{channel="slack"} 1')
  expect(text).toContain('cvat_backups_alarms{alarm="disk-low"} 1')
  slack.status = 200
  const waiting = await state()
  const due = { ...waiting, revision: 99, outbox: waiting.outbox.map((entry) => ({ ...entry, nextAtMs: 0 })) }
  await stack.store.writeStatus('notifications', due)
  await look()
  expect(slack.calls).toHaveLength(2)
  expect((await state()).outbox).toEqual([])
  expect((await state()).channels.slack?.failure).toBeUndefined()
  expect(stack.logs.text()).not.toContain(token)
  expect(JSON.stringify(await state())).not.toContain(token)
})

test('no secret is in any message, whatever a project is called and whatever CVAT says', async () => {
  const planted = 'planted-Secret-7Q-of-CVAT'
  const stack = await quietStack()
  const { hook } = await openHook()
  const [slack, discord, mailbox] = [await startReceiver(), await startReceiver(), await startMailbox()]
  const settings = {
    ...{ webhookUrl: `${hook.url}/planted-token-hook`, webhookSecret: 'planted-signing-secret' },
    ...{ slackUrl: `${slack.url}/planted-token-slack`, discordUrl: `${discord.url}/planted-token-discord` },
    ...{ mailTo: ['admin@example.com'], smtpUrl: { host: '127.0.0.1', port: mailbox.port, isSecure: false } },
    digest: '* * * * *',
  }
  const { logger } = collectLogs([
    planted,
    settings.webhookSecret,
    settings.webhookUrl,
    settings.slackUrl,
    settings.discordUrl,
  ])
  const { look, state } = await open(stack, settings, { logger, lateAfterMs: HOUR })
  const link = `https://cvat.example.com/projects/1?token=${planted}`
  const sighting = {
    series: { entity: { type: 'project', id: 1 }, content: { kind: 'backup' } },
    ...{ name: `[${planted}](https://evil.example.com)`, organization: null, link, found: 'due', archive: undefined },
  }
  const longAgo = Date.now() - 10 * HOUR
  await stack.protection.noteListed('p', longAgo, [sighting] as Parameters<typeof stack.protection.noteListed>[2])
  await stack.protection.endListing('p', longAgo, signal)
  const failure = { result: 'failed', code: 'login-failed', reason: `CVAT refused Basic ${planted}` } as const
  await stack.protection.noteAttempt('project-1.backup', failure)
  await look()
  const told = [hook, slack, discord].map(({ calls }) =>
    calls.map(({ body, headers }) => body + JSON.stringify(headers)).join(),
  )
  for (const text of [...told, mailbox.mails.join(), JSON.stringify(await state())]) {
    expect(text).toContain('project-1')
    expect(text).not.toMatch(/planted-/)
  }
  // Nor does a name show one address and lead to another.
  expect(discord.calls.map(({ body }) => JSON.parse(body).content).join()).not.toMatch(/(?<!\\)\[[^\]]*\]\(/)
})

test('the digest comes when the schedule says, with the numbers, and only then', async () => {
  const stack = await startStack(redis, { world: smallWorld({ projects: 3 }) })
  const { hook, messages } = await openHook()
  await stack.backUp()
  const { look, state } = await open(stack, { webhookUrl: hook.url, digest: '* * * * *' })
  await look()
  const now = await state()
  await stack.store.writeStatus('notifications', { ...now, revision: 99, digestAtMs: Date.now() - 2 * HOUR })
  hook.calls.length = 0
  await look()
  expect(messages()).toHaveLength(1)
  expect(messages()[0]).toMatchObject({
    type: 'digest',
    title: 'Digest: 3 of 3 protected, nothing is wrong',
    summary: { entities: { backup: { protected: 3 } }, runs: [{ mode: 'p', ok: true, done: 3 }] },
  })
})

test('the dead man is told of the start, the end and the failure of runs, each once and with the same id', async () => {
  const world = smallWorld({ projects: 1 })
  const stack = await startStack(redis, { world })
  const checks = await startReceiver()
  await stack.backUp()
  const { look } = await open(stack, { pingUrlP: `${checks.url}/uuid-of-the-check` })
  // What was before the first look is nobody's business.
  await look()
  expect(checks.calls).toEqual([])
  await stack.backUp()
  await look()
  await look()
  world.removeMedia(1)
  world.renameProject(1, 'changed')
  await stack.backUp()
  await look()
  const paths = checks.calls.map(({ path }) => path.replace(/\?rid=.*/, ''))
  const check = '/uuid-of-the-check'
  expect(paths).toEqual([`${check}/start`, check, `${check}/start`, `${check}/fail`])
  const ids = checks.calls.map(({ path }) => path.split('?rid=')[1])
  expect(ids[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect([ids[1], ids[3], new Set(ids).size]).toEqual([ids[0], ids[2], 2])
})

test('a run wakes the notifier, which does not wait for its minute', async () => {
  const world = smallWorld({ projects: 1 })
  const stack = await startStack(redis, { world })
  const { hook, messages } = await openHook()
  const { state } = await open(stack, { webhookUrl: hook.url })
  await waitFor('the first look', async () => state().catch(() => undefined))
  world.removeMedia(1)
  await stack.backUp()
  await waitFor('people to be told', () => messages().length > 0)
})

test('with Redis away people are told of that, and once when it is back', async () => {
  const stack = await quietStack()
  const { hook, messages } = await openHook()
  const server = await startRedis()
  onTestFinished(() => server.close())
  const client = await connectRedis(server.address)
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  await open(stack, { webhookUrl: hook.url }, { connection: { redis: client, prefix: '{away}' }, everyMs: 100 })
  await server.stop()
  await waitFor('people to be told', () => messages().length > 0)
  await server.start()
  await waitFor('people to be told that it is back', () => messages().length > 1)
  expect(messages().map(changesOf)).toEqual([['raised redis-unreachable'], ['cleared redis-unreachable']])
})

test('a login is never sent to a mail server that offers no encryption', async () => {
  const stack = await quietStack()
  const mailbox = await startMailbox()
  const { look, state } = await open(stack, {
    ...{ mailTo: ['admin@example.com'], smtpUrl: { host: '127.0.0.1', port: mailbox.port, isSecure: false } },
    ...{ smtpUsername: 'backups', smtpPassword: 'pw-of-the-mail-server', diskFreeBytes: Number.MAX_SAFE_INTEGER },
  })
  await look()
  expect((await state()).channels.email?.failure?.reason).toContain('the mail server did not take it')
  expect(mailbox.mails).toEqual([])
  expect(mailbox.logins).toEqual([])
})
