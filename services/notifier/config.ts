// The notifier's own settings: who is told, and from when on something is wrong.

import { isIP } from 'node:net'
import { CronExpressionParser } from 'cron-parser'
import type { ConfigurationFault } from '#shared/config/configuration-error.ts'
import { defineGroup, type GroupState, type Settings, type ValuesOf } from '#shared/config/setting.ts'
import { duration, InvalidValue, line, size, valueSchema } from '#shared/config/value-schemas.ts'

const HOUR_MS = 3_600_000

const webAddress = valueSchema('an http or https address', parseWebAddress)
const mailbox = /^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,255}$/

const settings = {
  webhookUrl: {
    name: 'CVAT_BACKUP_NOTIFY_WEBHOOK_URL',
    schema: webAddress,
    description: 'Address that messages are posted to as JSON (docs/monitoring.md has its form).',
    secret: true,
    whenUnset: 'no such messages',
  },
  webhookSecret: {
    name: 'CVAT_BACKUP_NOTIFY_WEBHOOK_SECRET',
    schema: valueSchema('a text of 16 characters or more', parseSigningSecret),
    description: 'Signs these messages: `X-Signature-256` is the HMAC-SHA256 of the body.',
    secret: true,
    whenUnset: 'they are not signed',
  },
  slackUrl: {
    name: 'CVAT_BACKUP_NOTIFY_SLACK_URL',
    schema: webAddress,
    description: 'Incoming webhook of Slack, or of anything that takes the same (Mattermost, Rocket.Chat).',
    secret: true,
    whenUnset: 'no such messages',
  },
  discordUrl: {
    name: 'CVAT_BACKUP_NOTIFY_DISCORD_URL',
    schema: webAddress,
    description: 'Webhook of a Discord channel, or of anything that takes the same.',
    secret: true,
    whenUnset: 'no such messages',
  },
  mailTo: {
    name: 'CVAT_BACKUP_NOTIFY_MAIL_TO',
    schema: valueSchema('e-mail addresses, separated by commas', parseMailboxes),
    description: 'Who gets messages by e-mail. Needs CVAT_BACKUP_NOTIFY_SMTP_URL.',
    example: 'annotation-admin@example.com',
    whenUnset: 'no e-mails',
  },
  mailFrom: {
    name: 'CVAT_BACKUP_NOTIFY_MAIL_FROM',
    schema: line({ accepts: 'an e-mail address', pattern: mailbox }),
    description: 'Their sender.',
    example: 'backups@example.com',
    whenUnset: 'the first of CVAT_BACKUP_NOTIFY_MAIL_TO',
  },
  smtpUrl: {
    name: 'CVAT_BACKUP_NOTIFY_SMTP_URL',
    schema: valueSchema('`smtp://HOST:PORT` or `smtps://HOST:PORT`, without a login', parseSmtpUrl),
    description:
      'Mail server. With `smtp` the connection is encrypted if the server offers it, and has to be where there is a login; with `smtps` it is from the start.',
    example: 'smtp://mail.example.com:587',
    whenUnset: 'no e-mails',
    mask: (text) => text.replace(/^.*@/s, '***@'),
  },
  smtpUsername: {
    name: 'CVAT_BACKUP_NOTIFY_SMTP_USERNAME',
    schema: line({ accepts: 'a user name', pattern: /^[^\r\n]+$/ }),
    description: 'User at the mail server. Needs CVAT_BACKUP_NOTIFY_SMTP_PASSWORD.',
    example: 'backups',
    whenUnset: 'no login',
  },
  smtpPassword: {
    name: 'CVAT_BACKUP_NOTIFY_SMTP_PASSWORD',
    schema: valueSchema('a password', (text) => text),
    description: 'Password of CVAT_BACKUP_NOTIFY_SMTP_USERNAME.',
    secret: true,
    whenUnset: 'no login',
  },
  pingUrlP: {
    name: 'CVAT_BACKUP_NOTIFY_PING_URL',
    schema: webAddress,
    description:
      'Address of a check at healthchecks.io, or of anything that takes the same: `/start` when a run of everything in mode `p` begins, the address itself when it ended well, `/fail` when not. It tells when nothing is heard any more, of this product included.',
    secret: true,
    whenUnset: 'no such pings',
  },
  pingUrlA: {
    name: 'CVAT_BACKUP_NOTIFY_PING_URL_A',
    schema: webAddress,
    description: 'The same for mode `a`.',
    secret: true,
    whenUnset: 'no such pings',
  },
  pingUrlT: {
    name: 'CVAT_BACKUP_NOTIFY_PING_URL_T',
    schema: webAddress,
    description: 'The same for mode `t`.',
    secret: true,
    whenUnset: 'no such pings',
  },
  digest: {
    name: 'CVAT_BACKUP_NOTIFY_DIGEST',
    schema: valueSchema('five fields of cron, or `off`', parseDigest),
    default: '0 8 * * *',
    description: 'When a summary of everything is sent, good or bad, in the time zone TZ.',
  },
  diskFreeBytes: {
    name: 'CVAT_BACKUP_NOTIFY_DISK_FREE',
    schema: size(),
    default: '10 GB',
    description: 'People are told when less is free in the backup directory; 0 for never.',
  },
  unreachableMs: {
    name: 'CVAT_BACKUP_NOTIFY_UNREACHABLE_MINUTES',
    schema: duration({ unitMs: 60_000, max: 100_000, zeroAllowed: true }),
    default: '30',
    description: 'For so long CVAT (or Redis) must not have answered before people are told.',
    unit: 'minutes',
  },
  unverifiedMs: {
    name: 'CVAT_BACKUP_NOTIFY_UNVERIFIED_HOURS',
    schema: duration({ unitMs: HOUR_MS, max: 100_000, zeroAllowed: false }),
    default: '48',
    description: 'People are told when for so long no archive was verified, neither a new one nor a stored one.',
    unit: 'hours',
  },
} as const satisfies Settings

export const notifierSettings = defineGroup({
  title: 'Notifier',
  introduction: 'Who is told when something is wrong. docs/monitoring.md says of what, and how messages look.',
  settings,
  check: checkMail,
})

export type NotifierSettings = ValuesOf<typeof settings>

/** Whether anybody is to be told of anything. */
export function hasChannel(values: NotifierSettings): boolean {
  const { webhookUrl, slackUrl, discordUrl, mailTo, pingUrlP, pingUrlA, pingUrlT } = values
  return [webhookUrl, slackUrl, discordUrl, mailTo, pingUrlP, pingUrlA, pingUrlT].some((one) => one !== undefined)
}

function checkMail({ given }: GroupState<typeof settings>): ConfigurationFault[] {
  const pairs = [
    ['smtpUrl', 'mailTo'],
    ['mailTo', 'smtpUrl'],
    ['mailFrom', 'mailTo'],
    ['smtpUsername', 'smtpPassword'],
    ['smtpPassword', 'smtpUsername'],
    ['webhookSecret', 'webhookUrl'],
  ] as const
  const missing = pairs.filter(([one, needed]) => given.has(one) && !given.has(needed))
  const faults = missing.map(([one, needed]) => {
    const name = settings[needed].name
    return { name, problem: `is not set, but ${settings[one].name} is`, fix: `Set it, or remove ${settings[one].name}` }
  })
  return faults.filter((fault, index) => faults.findIndex(({ name }) => name === fault.name) === index)
}

/** Logins in an address would be sent as Basic; those who want that are few, and none of the services takes it. */
function parseWebAddress(text: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (!url) throw new InvalidValue('is not an http or https address', 'Set the whole address, as the service shows it')
  if (url.username || url.password) throw new InvalidValue('holds a login', 'Use an address without one')
  return url.href
}

function parseSigningSecret(text: string): string {
  if ([...text].length < 16) throw new InvalidValue('', 'Make one by `openssl rand -hex 24`')
  return text
}

function parseMailboxes(text: string): readonly string[] {
  const boxes = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  if (boxes.length === 0) throw new InvalidValue('names nobody')
  const bad = boxes.find((one) => !mailbox.test(one))
  if (bad !== undefined) throw new InvalidValue(`holds ${JSON.stringify(bad)}, which is no e-mail address`)
  return boxes
}

export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** TLS from the first byte. */
  readonly isSecure: boolean
}

function parseSmtpUrl(text: string): SmtpServer {
  const url = /^smtps?:\/\//i.test(text) ? URL.parse(text) : null
  if (!url?.hostname) throw new InvalidValue('')
  if (url.username || url.password || text.includes('@')) {
    const fix = 'Move it to CVAT_BACKUP_NOTIFY_SMTP_USERNAME and CVAT_BACKUP_NOTIFY_SMTP_PASSWORD'
    throw new InvalidValue('holds a login', fix)
  }
  if (url.search || url.hash || !['', '/'].includes(url.pathname)) throw new InvalidValue('has more than host and port')
  const isSecure = url.protocol === 'smtps:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!isIP(host) && !/^[\w.-]+$/.test(host)) throw new InvalidValue('names no host')
  return { host, port: url.port === '' ? (isSecure ? 465 : 587) : Number(url.port), isSecure }
}

function parseDigest(text: string): string | undefined {
  if (text.toLowerCase() === 'off') return undefined
  if (!/^(@\w+|(\S+\s+){4}\S+)$/.test(text)) throw new InvalidValue('')
  try {
    CronExpressionParser.parse(text)
  } catch {
    throw new InvalidValue('is no cron expression', 'Write it like `0 8 * * 1-5`, or `off`')
  }
  return text
}
