// The listener's own settings: where CVAT's webhooks come in, and how long a change waits.

import type { ConfigurationFault } from '#shared/config/configuration-error.ts'
import { defineGroup, type GroupState, type Settings } from '#shared/config/setting.ts'
import { duration, InvalidValue, line, valueSchema, wholeNumber } from '#shared/config/value-schemas.ts'

/** CVAT takes no longer one (its API's schema of WebhookWriteRequest). */
const LONGEST_SECRET = 64
const SHORTEST_SECRET = 16

const settings = {
  host: {
    name: 'CVAT_BACKUP_HOOKS_HOST',
    schema: line({ accepts: 'a host name or an IP address', pattern: /^[\w.:-]{1,255}$/ }),
    default: '127.0.0.1',
    description:
      'Address on which the webhooks of CVAT are received; `0.0.0.0` for all of the machine. Whatever is not signed with the secret is refused.',
  },
  port: {
    name: 'CVAT_BACKUP_HOOKS_PORT',
    schema: wholeNumber({ min: 0, max: 65_535 }),
    default: '8090',
    description: 'Port of `POST /hooks/cvat`; 0 takes any that is free.',
  },
  secret: {
    name: 'CVAT_BACKUP_HOOKS_SECRET',
    schema: valueSchema(`a text of ${SHORTEST_SECRET} to ${LONGEST_SECRET} characters`, parseSecret),
    description: 'What CVAT signs its webhooks with. `webhooks install` gives it to CVAT.',
    secret: true,
    whenUnset: '`serve` listens to no events, and backups begin by the schedule alone',
  },
  url: {
    name: 'CVAT_BACKUP_HOOKS_URL',
    schema: valueSchema('an http or https address whose host has a dot and no underscore', parseHooksUrl),
    description:
      'Address under which the CVAT server reaches the listener, without `/hooks/cvat`: what `webhooks install` tells CVAT.',
    example: 'https://backup.example.com',
    whenUnset: '`webhooks` cannot be used',
    mask: (text) => text.replace(/^.*@/s, '***@').replace(/([?#]).*$/s, '$1***'),
  },
  quietMs: {
    name: 'CVAT_BACKUP_QUIET_MINUTES',
    schema: duration({ unitMs: 60_000, max: 1_440, zeroAllowed: true }),
    default: '5',
    description: 'So long nothing more must have changed in a project or task before an event starts its backup.',
    unit: 'minutes',
  },
  longestMs: {
    name: 'CVAT_BACKUP_LONGEST_QUIET_MINUTES',
    schema: duration({ unitMs: 60_000, max: 10_080, zeroAllowed: true }),
    default: '60',
    description: 'After the first change it is backed up at the latest then, even if it goes on changing.',
    unit: 'minutes',
  },
} as const satisfies Settings

export const listenerSettings = defineGroup({
  title: 'Listener',
  introduction: 'Backups that CVAT’s events start. docs/operations.md says how they are set up.',
  settings,
  check: checkTimes,
})

/** The path that webhooks are sent to, below CVAT_BACKUP_HOOKS_URL. */
export const HOOKS_PATH = '/hooks/cvat'

function checkTimes({ values: { quietMs, longestMs } }: GroupState<typeof settings>): ConfigurationFault[] {
  if (quietMs === undefined || longestMs === undefined || longestMs >= quietMs) return []
  const problem = 'is less than CVAT_BACKUP_QUIET_MINUTES'
  return [{ name: 'CVAT_BACKUP_LONGEST_QUIET_MINUTES', problem, fix: 'Raise it, or lower CVAT_BACKUP_QUIET_MINUTES' }]
}

function parseSecret(text: string): string {
  const { length } = [...text]
  if (length < SHORTEST_SECRET) {
    throw new InvalidValue(`has ${length} characters, and could be guessed`, 'Make one by `openssl rand -hex 24`')
  }
  if (length > LONGEST_SECRET) {
    throw new InvalidValue(
      `has ${length} characters; CVAT takes ${LONGEST_SECRET}`,
      'Make one by `openssl rand -hex 24`',
    )
  }
  return text
}

/** CVAT refuses host names of one word, and those with an underscore (`{"target_url":["Enter a valid URL."]}`). */
function parseHooksUrl(text: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (!url) throw new InvalidValue('is not an http or https address')
  if (url.username || url.password) throw new InvalidValue('holds a login', 'Leave it out: the secret is what counts')
  if (url.search || url.hash)
    throw new InvalidValue('has a query or a fragment', 'Leave out everything from the `?` or `#` on')
  const isAddress = url.hostname.startsWith('[') || url.hostname === 'localhost'
  if (!isAddress && (!url.hostname.includes('.') || url.hostname.includes('_'))) {
    const fix = 'Use an IP address, or a name with a dot such as `backup.internal` (in compose: a network alias)'
    throw new InvalidValue('names a host that CVAT refuses: one word, or one with an underscore', fix)
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/hooks\/cvat$/, '')}`
}
