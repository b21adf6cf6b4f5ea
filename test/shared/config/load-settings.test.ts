import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exporterSettings } from '#services/exporter/config.ts'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { cvatSettings } from '#shared/config/cvat.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import { loggingSettings } from '#shared/config/logging.ts'
import { redisSettings } from '#shared/config/redis.ts'
import { sweeperSettings } from '#shared/config/retention.ts'
import type { Environment } from '#shared/config/setting.ts'
import { BackupError } from '#shared/errors/backup-error.ts'

const groups = { cvat: cvatSettings, redis: redisSettings, sweeper: sweeperSettings, logging: loggingSettings }
const sound = { CVAT_URL: 'https://cvat.example.com', CVAT_USERNAME: 'backup', CVAT_PASSWORD: 'hunter-two' }

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(env: Environment) {
  return loadSettings(groups, { env })
}

function errorOf(env: Environment): ConfigurationError {
  try {
    load(env)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('loading succeeded')
}

function faultNames(env: Environment): string[] {
  return errorOf(env).faults.map(({ name }) => name)
}

function secretFile(name: string, content: string | Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

describe('values', () => {
  test('are typed and parsed', () => {
    const { values } = load({ ...sound, CVAT_BACKUP_TTL: '1.5', LOG_LEVEL: 'WARNING' })
    const url: string = values.cvat.url
    const password: string | undefined = values.cvat.password
    const ttlMs: number = values.sweeper.ttlMs
    const level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' = values.logging.level
    expect({ url, password, ttlMs, level }).toEqual({
      url: 'https://cvat.example.com',
      password: 'hunter-two',
      ttlMs: 5_400_000,
      level: 'warn',
    })
  })

  test('of what is not set are the defaults, or undefined', () => {
    const { values } = load(sound)
    expect(values.sweeper).toEqual({ ttlMs: 24 * 3_600_000, minBackups: 3 })
    expect(values.redis).toMatchObject({ url: undefined, password: undefined, prefix: '{cvat-backups}' })
  })

  test('that are empty or blank count as not set', () => {
    const { values, sources } = load({ ...sound, CVAT_BACKUP_TTL: '', CVAT_ORGANIZATION: '  ', CVAT_ACCESS_TOKEN: '' })
    expect(values.sweeper.ttlMs).toBe(24 * 3_600_000)
    expect(values.cvat.organization).toBeUndefined()
    expect(sources).toMatchObject({ CVAT_BACKUP_TTL: 'default', CVAT_ACCESS_TOKEN: 'default' })
  })

  test('lose the spaces around them, except secrets', () => {
    const { values } = load({ ...sound, CVAT_URL: ' https://cvat.example.com\r', CVAT_PASSWORD: ' two words ' })
    expect(values.cvat).toMatchObject({ url: 'https://cvat.example.com', password: ' two words ' })
  })

  test('name their sources', () => {
    const file = secretFile('password', 'from-file\n')
    const env = { CVAT_URL: 'http://cvat', CVAT_USERNAME: 'me', CVAT_PASSWORD_FILE: file, CVAT_BACKUP_TTL_HOURS: '2' }
    const { sources } = loadSettings(groups, { env, origins: { CVAT_URL: '.env' } })
    expect(sources).toMatchObject({
      CVAT_URL: '.env',
      CVAT_USERNAME: 'environment',
      CVAT_PASSWORD: `file ${file} (CVAT_PASSWORD_FILE)`,
      CVAT_BACKUP_TTL: 'environment (CVAT_BACKUP_TTL_HOURS)',
      LOG_LEVEL: 'default',
    })
  })

  test('that are secret are listed for the log, also the password of an address and the text of a Basic login', () => {
    const { secrets } = load({ ...sound, REDIS_URL: 'redis://:p%40ss@redis/1', REDIS_PASSWORD: 'other' })
    const basic = Buffer.from('backup:hunter-two').toString('base64')
    expect([...secrets].sort()).toEqual(['hunter-two', 'other', 'p@ss', basic].sort())
  })
})

describe('faults', () => {
  test('are all in one error, with name, value, what is wrong and the fix', () => {
    const error = errorOf({
      CVAT_URL: 'cvat.example.com',
      CVAT_BACKUP_TTL: 'a day',
      CVAT_MIN_NUM_BACKUPS: '0',
      LOG_LEVEL: 'loud',
      REDIS_URL: 'http://redis',
      CVAT_ORGANISATION: 'x',
    })
    expect(error).toBeInstanceOf(BackupError)
    expect(error).toMatchObject({ code: 'configuration', retryable: false })
    expect(error.faults.map(({ name }) => name).sort()).toEqual([
      'CVAT_ACCESS_TOKEN',
      'CVAT_BACKUP_TTL',
      'CVAT_MIN_NUM_BACKUPS',
      'CVAT_ORGANISATION',
      'CVAT_URL',
      'LOG_LEVEL',
      'REDIS_URL',
    ])
    for (const { name, problem, fix } of error.faults) {
      expect(error.message).toContain(name)
      expect(error.message).toContain(problem)
      expect(error.message).toContain(fix)
      expect([problem, fix].every((text) => text.length > 5)).toBe(true)
    }
    expect(error.message).toContain('"a day"')
    expect(error.message).toContain('Set it like CVAT_BACKUP_TTL=24')
  })

  test('of a required setting that is not set show an example', () => {
    expect(errorOf({ ...sound, CVAT_URL: '' }).message).toContain(
      'Set it, for example CVAT_URL=https://cvat.example.com',
    )
  })

  test('hold no secret: not in message, stack, inspection or JSON', () => {
    const error = errorOf({
      CVAT_URL: 'https://admin:url-secret@cvat.example.com/?token=query-secret',
      CVAT_ACCESS_TOKEN: 'token secret',
      CVAT_PASSWORD: 'password-secret',
      CVAT_PASSWORD_FILE: secretFile('other-password', 'file-secret'),
      REDIS_URL: 'redis://:redis-secret@host:port/0',
      REDIS_PASSWORD: 'redis-secret',
    })
    expect(error.faults.length).toBeGreaterThanOrEqual(4)
    const texts = [
      error.message,
      error.stack ?? '',
      inspect(error, { depth: 10, showHidden: true }),
      JSON.stringify(error),
    ]
    for (const text of texts) expect(text).not.toContain('secret')
    expect(error.message).toContain('***')
  })

  test('of long values are cut short', () => {
    expect(errorOf({ ...sound, CVAT_BACKUP_TTL: 'x'.repeat(5000) }).message.length).toBeLessThan(500)
  })

  test('of one process do not arise from settings of another', () => {
    const env = { CVAT_MIN_NUM_BACKUPS: 'many', CVAT_BACKUP_REQUEST_TIMEOUT_HOURS: '2' }
    expect(loadSettings({ exporter: exporterSettings }, { env }).values.exporter.requestTimeoutMs).toBe(7_200_000)
  })
})

describe('a secret in a file', () => {
  const env = { CVAT_URL: 'http://cvat', CVAT_USERNAME: 'me' }

  test.each([
    ['with a line break at its end', 'a b\n', 'a b'],
    ['with a Windows line break at its end', 'a b\r\n', 'a b'],
    ['with two line breaks at its end', 'a\n\n', 'a\n'],
    ['without a line break', ' a', ' a'],
    ['with a byte order mark', '\uFEFFa', 'a'],
  ])('%s is read', (_, content, expected) => {
    expect(load({ ...env, CVAT_PASSWORD_FILE: secretFile('content', content) }).values.cvat.password).toBe(expected)
  })

  test('may stand beside the variable when both are equal', () => {
    const file = secretFile('equal', 'same\n')
    expect(load({ ...env, CVAT_PASSWORD: 'same', CVAT_PASSWORD_FILE: file }).values.cvat.password).toBe('same')
  })

  test('that differs from the variable is a fault', () => {
    const error = errorOf({ ...env, CVAT_PASSWORD: 'one', CVAT_PASSWORD_FILE: secretFile('differs', 'two') })
    expect(error.faults).toMatchObject([{ name: 'CVAT_PASSWORD and CVAT_PASSWORD_FILE', value: '***' }])
  })

  test('that cannot be read is one fault, which names path and reason', () => {
    const file = join(folder, 'missing')
    const error = errorOf({ ...env, CVAT_PASSWORD_FILE: file })
    expect(error.faults).toHaveLength(1)
    expect(error.message).toContain('CVAT_PASSWORD_FILE')
    expect(error.message).toContain(`${file}: ENOENT`)
    expect(errorOf({ ...env, CVAT_PASSWORD_FILE: folder }).message).toContain('EISDIR')
  })

  test('that is empty or no text is a fault', () => {
    expect(faultNames({ ...env, CVAT_PASSWORD_FILE: secretFile('empty', '\n') })).toEqual(['CVAT_PASSWORD_FILE'])
    const latin1 = secretFile('latin1', Buffer.from([0x70, 0xe4, 0x73]))
    expect(errorOf({ ...env, CVAT_PASSWORD_FILE: latin1 }).message).toContain('UTF-8')
  })

  test('is checked like the variable', () => {
    const file = secretFile('token', 'two words')
    expect(faultNames({ CVAT_URL: 'http://cvat', CVAT_ACCESS_TOKEN_FILE: file })).toEqual(['CVAT_ACCESS_TOKEN_FILE'])
  })

  test('is only for secrets', () => {
    expect(load({ ...sound, CVAT_ORGANIZATION_FILE: '/nowhere' }).values.cvat.organization).toBeUndefined()
  })
})

describe('CVAT_BACKUP_TTL and CVAT_BACKUP_TTL_HOURS', () => {
  test('mean the same', () => {
    expect(load({ ...sound, CVAT_BACKUP_TTL: '5' }).values.sweeper.ttlMs).toBe(5 * 3_600_000)
    expect(load({ ...sound, CVAT_BACKUP_TTL_HOURS: '5' }).values.sweeper.ttlMs).toBe(5 * 3_600_000)
  })

  test('may both be set to the same time', () => {
    const env = { ...sound, CVAT_BACKUP_TTL: '5', CVAT_BACKUP_TTL_HOURS: '5.0' }
    expect(load(env).values.sweeper.ttlMs).toBe(5 * 3_600_000)
  })

  test('set to different times are a fault', () => {
    const error = errorOf({ ...sound, CVAT_BACKUP_TTL: '5', CVAT_BACKUP_TTL_HOURS: '6' })
    expect(error.faults).toMatchObject([{ name: 'CVAT_BACKUP_TTL and CVAT_BACKUP_TTL_HOURS', value: '"5" and "6"' }])
  })

  test('may be zero', () => {
    expect(load({ ...sound, CVAT_BACKUP_TTL: '0' }).values.sweeper.ttlMs).toBe(0)
  })
})
