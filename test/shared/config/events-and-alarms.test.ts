import { describe, expect, test } from 'vitest'
import { listenerSettings } from '#services/listener/config.ts'
import { hasChannel, notifierSettings } from '#services/notifier/config.ts'
import { loadSettings } from '#shared/config/load-settings.ts'

const load = (env: Record<string, string>) =>
  loadSettings({ listener: listenerSettings, notifier: notifierSettings }, { env }).values

test('without settings nobody listens and nobody is told', () => {
  const { listener, notifier } = load({})
  expect(listener).toMatchObject({
    host: '127.0.0.1',
    port: 8090,
    secret: undefined,
    quietMs: 300_000,
    longestMs: 3_600_000,
  })
  expect(hasChannel(notifier)).toBe(false)
  expect(notifier).toMatchObject({ digest: '0 8 * * *', diskFreeBytes: 1e10, unreachableMs: 1_800_000 })
})

describe('the listener', () => {
  test.each(['short', 'x'.repeat(65)])('refuses the secret %s and does not show it', (secret) => {
    expect(() => load({ CVAT_BACKUP_HOOKS_SECRET: secret })).toThrow(
      /CVAT_BACKUP_HOOKS_SECRET \(\*\*\*\) has \d+ characters/,
    )
  })

  test.each([
    ['http://backup:8090', /one word, or one with an underscore/],
    ['http://back_up.example.com', /underscore/],
    ['ftp://backup.example.com', /not an http or https address/],
    ['https://me:pw@backup.example.com', /holds a login/],
    ['https://backup.example.com/?x=1', /query/],
  ])('refuses the address %s', (url, fault) => {
    expect(() => load({ CVAT_BACKUP_HOOKS_URL: url })).toThrow(fault)
  })

  test.each([
    ['https://backup.example.com/', 'https://backup.example.com'],
    ['https://example.com/backups/hooks/cvat', 'https://example.com/backups'],
    ['http://10.0.0.7:8090', 'http://10.0.0.7:8090'],
    ['http://[::1]:8090', 'http://[::1]:8090'],
    ['http://localhost:8090', 'http://localhost:8090'],
  ])('takes the address %s', (url, value) => {
    expect(load({ CVAT_BACKUP_HOOKS_URL: url }).listener.url).toBe(value)
  })

  test('waits no shorter at the longest than it waits for quiet', () => {
    const env = { CVAT_BACKUP_QUIET_MINUTES: '10', CVAT_BACKUP_LONGEST_QUIET_MINUTES: '5' }
    expect(() => load(env)).toThrow(/CVAT_BACKUP_LONGEST_QUIET_MINUTES is less than/)
  })
})

describe('the notifier', () => {
  test('tells all faults at once, and no secret', () => {
    const env = {
      CVAT_BACKUP_NOTIFY_SLACK_URL: 'hooks.slack.com/services/T0/B0/token',
      CVAT_BACKUP_NOTIFY_MAIL_TO: 'admin@example.com, nobody',
      CVAT_BACKUP_NOTIFY_SMTP_URL: 'smtp://me:pw-of-me@mail.example.com',
      CVAT_BACKUP_NOTIFY_SMTP_PASSWORD: 'pw-of-me',
      CVAT_BACKUP_NOTIFY_WEBHOOK_SECRET: 'long enough to be a secret',
      CVAT_BACKUP_NOTIFY_DIGEST: 'every morning',
    }
    let text = ''
    try {
      load(env)
    } catch (error) {
      text = (error as Error).message
    }
    expect(text).toContain('has 6 faults')
    for (const name of ['SLACK_URL', 'MAIL_TO', 'SMTP_URL', 'SMTP_USERNAME', 'WEBHOOK_URL', 'DIGEST']) {
      expect(text).toContain(`CVAT_BACKUP_NOTIFY_${name}`)
    }
    expect(text).not.toContain('token')
    expect(text).not.toContain('pw-of-me')
  })

  test('knows mail servers with and without TLS, and a digest that is off', () => {
    const mail = { CVAT_BACKUP_NOTIFY_MAIL_TO: 'a@example.com, b@example.com', CVAT_BACKUP_NOTIFY_DIGEST: 'off' }
    const plain = load({ ...mail, CVAT_BACKUP_NOTIFY_SMTP_URL: 'smtp://mail.example.com' }).notifier
    expect(plain.smtpUrl).toEqual({ host: 'mail.example.com', port: 587, isSecure: false })
    expect(plain.mailTo).toEqual(['a@example.com', 'b@example.com'])
    expect(plain.digest).toBeUndefined()
    const secure = load({ ...mail, CVAT_BACKUP_NOTIFY_SMTP_URL: 'smtps://[::1]' }).notifier
    expect(secure.smtpUrl).toEqual({ host: '::1', port: 465, isSecure: true })
  })
})
