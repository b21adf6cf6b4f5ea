import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSettings } from '#shared/config/load-settings.ts'
import { redisAddress, redisSettings } from '#shared/config/redis.ts'
import {
  checkRedisAddress,
  maskRedisAddress,
  parseRedisAddress,
  passwordOfRedisAddress,
} from '#shared/config/redis-address.ts'
import type { Environment } from '#shared/config/setting.ts'
import { createPrivateAuthority, type PrivateAuthority } from '../../support/private-authority.ts'

function load(env: Environment) {
  return loadSettings({ redis: redisSettings }, { env }).values.redis
}

describe('REDIS_URL', () => {
  test.each([
    'redis://redis',
    'redis://redis:6380/2',
    'redis://user:pa%40ss@redis:6379',
    'redis://:secret@redis/0',
    'rediss://redis.example.com',
    'redis://[::1]:6379',
    'unix:/run/redis.sock',
    'unix:///run/redis/redis.sock',
    'redis+unix:/run/redis.sock',
    'redis+unix:///run/redis.sock',
    'redis+sentinel://one:26379,two:26380,[::1]/mymaster',
    'redis+sentinel://user:pa%40ss@one/my-master.1/2',
    'rediss+sentinel://one,two/mymaster',
    'redis+cluster://one',
    'redis+cluster://user:secret@one:7000,two:7001/0',
    'rediss+cluster://one:7000,two:7001/',
  ])('%s is taken', (text) => expect(checkRedisAddress(text)).toBe(text))

  test('may have a scheme in capitals', () => {
    expect(checkRedisAddress('REDIS://Host')).toBe('redis://Host')
  })

  test.each([
    'redis',
    'redis:6379',
    'http://redis',
    'redis://',
    'redis://host:port',
    'redis://host:99999',
    'redis://host/name',
    'redis://host?db=1',
    'redis://:pa#ss@host',
    'redis://:pa%ss@host',
    'redis://:pa/ss@host',
    'unix:run/redis.sock',
    'unix:/',
    'unix://host/path',
    'unix:/run/redis.sock?db=1',
    'redis://a b',
    'redis://one,two',
    'redis+sentinel://one',
    'redis+sentinel://one/',
    'redis+sentinel://one,/mymaster',
    'redis+sentinel://one:x/mymaster',
    'redis+sentinel://one/mymaster/db',
    'redis+sentinel://:pa/ss@one/mymaster',
    'redis+sentinel:one/mymaster',
    'redis+cluster://',
    'redis+cluster://one,two/1',
    'redis+cluster://one,two?x=1',
    'redis+cluster://one:7000,:7001',
    'redis-sentinel://one/mymaster',
    'redis+other://one',
  ])('%s is refused', (text) => {
    expect(() => load({ REDIS_URL: text })).toThrow(/^The configuration has a fault:\n- REDIS_URL \(\*\*\*\) [^\n]*$/)
  })

  test('of Sentinels names them, the master, and the login of the servers', () => {
    expect(parseRedisAddress('REDISS+Sentinel://me:pa%3Ass@one,[::1]:26380/mymaster/3')).toEqual({
      kind: 'sentinel',
      tls: true,
      username: 'me',
      password: 'pa:ss',
      nodes: [
        { host: 'one', port: 26379 },
        { host: '::1', port: 26380 },
      ],
      master: 'mymaster',
      database: 3,
    })
  })

  test('of a Cluster names its nodes', () => {
    expect(parseRedisAddress('redis+cluster://one,two:7001')).toMatchObject({
      kind: 'cluster',
      tls: false,
      nodes: [
        { host: 'one', port: 6379 },
        { host: 'two', port: 7001 },
      ],
    })
  })

  test('unset asks for the embedded Redis', () => expect(redisAddress(load({}))).toBeUndefined())
})

const sentinels = 'redis+sentinel://:three@one,two/mymaster'

describe('REDIS_PASSWORD', () => {
  test('goes with the address and overrides its password', () => {
    const values = load({ REDIS_URL: 'redis://:one@redis', REDIS_PASSWORD: 'two' })
    expect(redisAddress(values)).toEqual({ url: 'redis://:one@redis', password: 'two' })
    expect(loadSettings({ redis: redisSettings }, { env: { REDIS_URL: sentinels } }).secrets).toEqual(['three'])
  })

  test('without REDIS_URL is a fault: whoever sets it does not mean the embedded Redis', () => {
    expect(() => load({ REDIS_PASSWORD: 'two' })).toThrow(/REDIS_PASSWORD \(\*\*\*\) is set, but REDIS_URL is not/)
  })
})

describe('the masked address', () => {
  test.each([
    ['redis://redis:6379/0', 'redis://redis:6379/0'],
    ['redis://user:secret@redis:6379/0', 'redis://user:***@redis:6379/0'],
    ['redis://:secret@redis', 'redis://:***@redis'],
    ['redis://secret@redis', 'redis://***@redis'],
    ['unix:/run/redis.sock', 'unix:/run/redis.sock'],
    ['rediss+sentinel://u:secret@a:1,b:2/m', 'rediss+sentinel://u:***@a:1,b:2/m'],
    ['redis+cluster://:secret@a,b', 'redis+cluster://:***@a,b'],
  ])('of %s is %s', (text, expected) => expect(maskRedisAddress(text)).toBe(expected))

  test('never holds the password', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.constantFrom('', 'user'),
        fc.constantFrom(['redis', 'host:1/0'], ['rediss+sentinel', 'a:1,[::1]:2/m/0'], ['redis+cluster', 'a:1,b:2']),
        (password, user, [scheme, rest]) => {
          const address = `${scheme}://${user}:${encodeURIComponent(`§${password}`)}@${rest}`
          expect(passwordOfRedisAddress(checkRedisAddress(address))).toBe(`§${password}`)
          expect(maskRedisAddress(address)).toBe(`${scheme}://${user}:***@${rest}`)
        },
      ),
    )
  })
})

describe('CVAT_BACKUP_PREFIX', () => {
  test.each(['{cvat-backups}', 'a{b}c', '{b}{'])('%s may be used on a Cluster', (prefix) => {
    expect(load({ REDIS_URL: 'redis+cluster://one', CVAT_BACKUP_PREFIX: prefix }).prefix).toBe(prefix)
  })

  test.each([
    ['team-a', '{team-a}'],
    ['{}', '{cvat-backups}'],
    ['{}{x}', '{x}'],
    ['{x', '{x}'],
    ['x}', '{x}'],
  ])('%s is a fault on a Cluster, which says why and names %s, and is none elsewhere', (prefix, fix) => {
    expect(() => load({ REDIS_URL: 'redis+cluster://one', CVAT_BACKUP_PREFIX: prefix })).toThrow(
      `CVAT_BACKUP_PREFIX (${prefix}) has no text in braces, but REDIS_URL names a Redis Cluster: the keys would lie on several nodes, and nothing could be changed together. Set it like CVAT_BACKUP_PREFIX=${fix}.`,
    )
    expect(load({ REDIS_URL: sentinels, CVAT_BACKUP_PREFIX: prefix }).prefix).toBe(prefix)
  })
})

describe('the files for TLS', () => {
  let folder: string
  let one: PrivateAuthority
  let two: PrivateAuthority
  const file = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cvat-backups-tls-'))
    ;[one, two] = await Promise.all([createPrivateAuthority(), createPrivateAuthority()])
    const files = { ca: one.ca, cert: one.cert, key: one.key, 'other-key': two.key, nothing: 'nothing' }
    for (const [name, text] of Object.entries(files)) await writeFile(file(name), text)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('are read and go with the address', () => {
    const values = load({
      REDIS_URL: 'rediss://redis',
      REDIS_CA_FILE: file('ca'),
      REDIS_CERT_FILE: file('cert'),
      REDIS_KEY_FILE: file('key'),
    })
    expect(redisAddress(values)).toEqual({ url: 'rediss://redis', ca: one.ca, cert: one.cert, key: one.key })
  })

  test.each<[string, Environment, string[]]>([
    [
      'without TLS',
      { REDIS_URL: 'redis://redis', REDIS_CA_FILE: 'ca' },
      ['REDIS_CA_FILE is set, but REDIS_URL asks for no TLS'],
    ],
    ['without REDIS_URL', { REDIS_CA_FILE: 'ca' }, ['REDIS_CA_FILE is set, but REDIS_URL is not']],
    [
      'certificate without key',
      { REDIS_URL: 'rediss://redis', REDIS_CERT_FILE: 'cert' },
      ['REDIS_KEY_FILE is not set'],
    ],
    ['key without certificate', { REDIS_URL: 'rediss://redis', REDIS_KEY_FILE: 'key' }, ['REDIS_CERT_FILE is not set']],
    [
      'a key of another certificate',
      { REDIS_URL: 'rediss+cluster://redis', REDIS_CERT_FILE: 'cert', REDIS_KEY_FILE: 'other-key' },
      ['names a key that is not that of the certificate'],
    ],
    [
      'three at once, with a prefix that a Cluster cannot use',
      {
        REDIS_URL: 'redis+cluster://:hidden@redis',
        CVAT_BACKUP_PREFIX: 'x',
        REDIS_CA_FILE: 'missing',
        REDIS_KEY_FILE: 'nothing',
        REDIS_SENTINEL_PASSWORD: 'hidden',
      },
      [
        'names a file that cannot be read: ENOENT',
        'names a file without a private key that can be used',
        'REDIS_SENTINEL_PASSWORD (***) is set, but REDIS_URL names no Sentinels',
        'CVAT_BACKUP_PREFIX (x)',
      ],
    ],
  ])('%s', (_, env, problems) => {
    const named = Object.entries(env).map(([name, text]) => [name, name.endsWith('_FILE') ? file(text!) : text])
    const error = expectFault(() => load(Object.fromEntries(named) as Environment))
    for (const problem of problems) expect(error).toContain(problem)
    expect(error).not.toContain('hidden')
  })
})

test('the Sentinels have a login of their own', () => {
  const login = { REDIS_SENTINEL_USERNAME: 'watcher', REDIS_SENTINEL_PASSWORD: 'four' }
  expect(redisAddress(load({ REDIS_URL: sentinels, ...login }))).toEqual({
    url: sentinels,
    sentinelUsername: 'watcher',
    sentinelPassword: 'four',
  })
  expect(expectFault(() => load({ REDIS_URL: sentinels, REDIS_SENTINEL_USERNAME: 'watcher' }))).toContain(
    'REDIS_SENTINEL_PASSWORD is not set, but REDIS_SENTINEL_USERNAME is',
  )
})

function expectFault(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('No fault was found.')
}

describe('CVAT_BACKUP_STATE_DIR', () => {
  test.each<[Environment, string]>([
    [{ XDG_STATE_HOME: '/state', HOME: '/home/me' }, '/state/cvat-backups'],
    [{ XDG_STATE_HOME: 'state', HOME: '/home/me' }, '/home/me/.local/state/cvat-backups'],
    [{ XDG_STATE_HOME: '', HOME: '/home/me' }, '/home/me/.local/state/cvat-backups'],
    [{}, `${homedir()}/.local/state/cvat-backups`],
    [{ CVAT_BACKUP_STATE_DIR: '/mine', XDG_STATE_HOME: '/state' }, '/mine'],
  ])('with %j is %s', (env, expected) => expect(load(env).stateDir).toBe(expected))
})
