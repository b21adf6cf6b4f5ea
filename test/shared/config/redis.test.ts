import { homedir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '#shared/config/load-settings.ts'
import { redisAddress, redisSettings } from '#shared/config/redis.ts'
import { checkRedisAddress, maskRedisAddress, passwordOfRedisAddress } from '#shared/config/redis-address.ts'
import type { Environment } from '#shared/config/setting.ts'

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
  ])('%s is refused', (text) => {
    expect(() => load({ REDIS_URL: text })).toThrow(/^The configuration has a fault:\n- REDIS_URL \(\*\*\*\) [^\n]*$/)
  })

  test('unset asks for the embedded Redis', () => expect(redisAddress(load({}))).toBeUndefined())
})

describe('REDIS_PASSWORD', () => {
  test('goes with the address and overrides its password', () => {
    const values = load({ REDIS_URL: 'redis://:one@redis', REDIS_PASSWORD: 'two' })
    expect(redisAddress(values)).toEqual({ url: 'redis://:one@redis', password: 'two' })
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
  ])('of %s is %s', (text, expected) => expect(maskRedisAddress(text)).toBe(expected))

  test('never holds the password', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.constantFrom('', 'user'), (password, user) => {
        const address = `redis://${user}:${encodeURIComponent(`§${password}`)}@host:1/0`
        expect(passwordOfRedisAddress(checkRedisAddress(address))).toBe(`§${password}`)
        expect(maskRedisAddress(address)).toBe(`redis://${user}:***@host:1/0`)
      }),
    )
  })
})

describe('CVAT_BACKUP_STATE_DIR', () => {
  test.each<[Environment, string]>([
    [{ XDG_STATE_HOME: '/state', HOME: '/home/me' }, '/state/cvat-backups'],
    [{ XDG_STATE_HOME: 'state', HOME: '/home/me' }, '/home/me/.local/state/cvat-backups'],
    [{ XDG_STATE_HOME: '', HOME: '/home/me' }, '/home/me/.local/state/cvat-backups'],
    [{}, `${homedir()}/.local/state/cvat-backups`],
    [{ CVAT_BACKUP_STATE_DIR: '/mine', XDG_STATE_HOME: '/state' }, '/mine'],
  ])('with %j is %s', (env, expected) => expect(load(env).stateDir).toBe(expected))
})
