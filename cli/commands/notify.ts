// `notify --test`: a message by every channel, to try them out. `notify --status`: what people were told, and whether they were.

import { randomUUID } from 'node:crypto'
import { hasChannel } from '#services/notifier/config.ts'
import { describeTrouble } from '#services/notifier/describe-message.ts'
import type { Message } from '#services/notifier/message.ts'
import { openChannels } from '#services/notifier/open-channels.ts'
import { sendTestPing } from '#services/notifier/ping.ts'
import { type NotifierState, notifierStateSchema } from '#services/notifier/state.ts'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { describeError } from '#shared/errors/backup-error.ts'
import { createSecretMask } from '#shared/logging/secret-mask.ts'
import { untilAskedToStop } from '#shared/service/start-signals.ts'
import { openStore } from '#shared/store/open-store.ts'
import { exitCodes } from '../exit-codes.ts'
import { type AllSettings, loadAllSettings } from '../load-all-settings.ts'
import { readArguments } from '../read-arguments.ts'
import { wrongUsage } from '../usage.ts'

export async function notify(args: string[]): Promise<number> {
  const { values } = readArguments(args, {
    test: { type: 'boolean', default: false },
    status: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  })
  if (values.test === values.status) throw wrongUsage('notify takes --test or --status')
  const settings = loadAllSettings()
  return values.test ? sendTest(settings) : showStatus(settings, values.json)
}

async function sendTest({ values, secrets }: AllSettings): Promise<number> {
  if (!hasChannel(values.notifier)) {
    const problem = 'is not set, nor is any other way by which people could be told'
    const fix = 'Set it, or one of the others that docs/configuration.md lists under Notifier'
    throw new ConfigurationError([{ name: 'CVAT_BACKUP_NOTIFY_WEBHOOK_URL', problem, fix }])
  }
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort(new Error('interrupted')))
  const { signal } = stopping
  const mask = createSecretMask(secrets)
  const message: Message = {
    formatVersion: 1,
    type: 'test',
    id: randomUUID(),
    at: new Date().toISOString(),
    server: values.cvat.url,
    title: 'Test: messages come through',
    changes: [],
    open: [],
  }
  const { pingUrlP, pingUrlA, pingUrlT } = values.notifier
  const pings = Object.entries({ p: pingUrlP, a: pingUrlA, t: pingUrlT }).flatMap(([mode, url]) =>
    url === undefined ? [] : [{ name: `ping of mode ${mode}`, send: () => sendTestPing(url, signal) }],
  )
  const channels = openChannels(values.notifier).map(({ name, send }) => ({ name, send: () => send(message, signal) }))
  let failed = 0
  for (const { name, send } of [...channels, ...pings]) {
    try {
      await send()
      process.stdout.write(`sent     ${name}\n`)
    } catch (error) {
      if (signal.aborted) return exitCodes.interrupted
      failed++
      process.stdout.write(`FAILED   ${name}: ${mask(describeError(error))}\n`)
    }
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed
}

async function showStatus({ values }: AllSettings, json: boolean): Promise<number> {
  const store = openStore({ directory: values.store.backupDir })
  const state = notifierStateSchema.safeParse(await store.readStatus('notifications')).data
  if (json) process.stdout.write(`${JSON.stringify(state ?? null, null, 2)}\n`)
  else process.stdout.write(state ? describeState(state) : 'Nothing was looked at yet: does a notifier run?\n')
  if (!state) return exitCodes.failed
  const isWell = Object.values(state.channels).every(({ failure }) => !failure)
  return isWell && state.outbox.length === 0 ? exitCodes.ok : exitCodes.failed
}

function describeState({ open, channels, outbox, lookedAtMs }: NotifierState): string {
  const alarms = Object.values(open).flatMap(({ trouble, sinceMs }) => [
    `ALARM    ${trouble.title}, since ${iso(sinceMs)}`,
    ...describeTrouble(trouble).map((line) => `           ${line}`),
  ])
  const ways = Object.entries(channels).map(([name, { lastSentAtMs, failure, lost }]) => {
    const sent = lastSentAtMs === undefined ? 'nothing sent yet' : `last sent ${iso(lastSentAtMs)}`
    const gone = lost > 0 ? `, ${lost} given up` : ''
    return failure
      ? `FAILING  ${name}: ${failure.reason} (${iso(failure.atMs)}; ${sent}${gone})`
      : `works    ${name}: ${sent}${gone}`
  })
  return [
    ...(alarms.length > 0 ? alarms : ['Nothing is wrong.']),
    ...ways,
    ...(outbox.length > 0 ? [`${outbox.length} messages wait to be taken.`] : []),
    `Looked at ${iso(lookedAtMs)}.`,
    '',
  ].join('\n')
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
