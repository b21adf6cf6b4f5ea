// Servers with passwords, users and TLS; what is wrong is said at once, with the setting that would help.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectRedis } from '#shared/redis/connect-redis.ts'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import { expectNoLeaks } from '../../support/expect-no-leaks.ts'
import { type RedisProcess, type RedisProcessOptions, startRedisProcess } from '../../support/local-redis.ts'
import { createPrivateAuthority, type PrivateAuthority } from '../../support/private-authority.ts'

let authority: PrivateAuthority
let stranger: PrivateAuthority

beforeAll(async () => {
  // Certificates of a Redis are mostly for a name; that of the stranger is for the address only.
  ;[authority, stranger] = await Promise.all([
    createPrivateAuthority('DNS:localhost'),
    createPrivateAuthority('IP:127.0.0.1'),
  ])
})

expectNoLeaks()

const LONG_MS = 30_000
const secret = 'hunter2-and-more'

/** Connects and gives the error; it must not have waited for the limit. */
async function refusal(address: RedisAddress): Promise<unknown> {
  const startedAt = performance.now()
  const error = await connectRedis(address, LONG_MS).then(
    (redis) => redis.disconnect(),
    (caught: unknown) => caught,
  )
  expect(performance.now() - startedAt).toBeLessThan(LONG_MS / 2)
  expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain(secret)
  return error
}

function startTlsProcess(options: RedisProcessOptions & { lines: readonly string[] }): Promise<RedisProcess> {
  return startRedisProcess({ ...options, authority })
}

describe('a server with users', () => {
  let server: RedisProcess
  beforeAll(async () => {
    server = await startRedisProcess({
      lines: [`requirepass ${secret}`, `user backup on >${secret}+ ~* &* +@all`, `user poor on >${secret} ~* +ping`],
      login: { password: secret },
    })
  })
  afterAll(() => server.close())

  test.each([
    ['a password inside the address', '', `:${secret}@`, undefined],
    ['a password beside the address', '', '', secret],
    ['a password beside the address, in place of the one inside', '', ':wrong@', secret],
    ['a user and a password inside', 'backup', `backup:${encodeURIComponent(`${secret}+`)}@`, undefined],
    ['a user inside and a password beside', 'backup', 'backup@', `${secret}+`],
  ])('takes %s', async (_, user, login, password) => {
    const redis = await connectRedis({ url: `redis://${login}127.0.0.1:${server.port}`, password })
    expect(await redis.acl('WHOAMI')).toBe(user || 'default')
    redis.disconnect()
  })

  test('refuses a wrong password, which is said at once', async () => {
    const url = `redis://:${secret}x@127.0.0.1:${server.port}`
    expect(await refusal({ url })).toMatchObject({
      code: 'redis-login',
      retryable: false,
      message: `Redis at redis://***@127.0.0.1:${server.port} cannot be used: the user or the password is wrong`,
      hint: expect.stringContaining('REDIS_PASSWORD'),
    })
  })

  test('asks for a password', async () => {
    expect(await refusal({ url: `redis://127.0.0.1:${server.port}` })).toMatchObject({
      code: 'redis-login',
      message: expect.stringContaining('asks for a password'),
      hint: expect.stringContaining('REDIS_PASSWORD'),
    })
  })

  test('names a user without the rights', async () => {
    expect(await refusal({ url: `redis://poor:${secret}@127.0.0.1:${server.port}` })).toMatchObject({
      code: 'redis-login',
      message: expect.stringContaining('lacks a right'),
    })
  })

  test('is no Cluster and speaks no TLS', async () => {
    const rest = `:${secret}@127.0.0.1:${server.port}`
    expect(await refusal({ url: `redis+cluster://${rest}` })).toMatchObject({
      code: 'redis-address',
      message: expect.stringContaining('it is no Redis Cluster'),
    })
    await expect(connectRedis({ url: `rediss://${rest}` }, 500)).rejects.toMatchObject({
      // A Redis may as well wait for the end of what it takes for a command.
      message: expect.stringMatching(/does not answer|breaks off before TLS is established/),
      hint: expect.stringContaining('rediss'),
    })
  })
})

describe('a server with TLS', () => {
  test('is reached when its authority is trusted, and else not', async () => {
    await using server = await startTlsProcess({ lines: ['tls-auth-clients no'] })
    const url = `rediss://localhost:${server.port}`
    const redis = await connectRedis({ url, ca: authority.ca })
    expect(await redis.set('key', 'value')).toBe('OK')
    const another = redis.duplicate()
    expect(await another.get('key')).toBe('value')
    another.disconnect()
    redis.disconnect()

    for (const ca of [undefined, stranger.ca]) {
      expect(await refusal({ url, ca })).toMatchObject({
        code: 'redis-certificate',
        retryable: false,
        message: `Redis at ${url} cannot be used: its certificate is of an authority that is not trusted`,
        hint: expect.stringContaining('REDIS_CA_FILE'),
      })
    }
    expect(await refusal({ url: `rediss://127.0.0.1:${server.port}`, ca: authority.ca })).toMatchObject({
      code: 'redis-certificate',
      message: expect.stringContaining('for another name'),
      hint: expect.stringContaining('REDIS_URL'),
    })
  })

  test('that asks for a certificate gets it', async () => {
    await using server = await startTlsProcess({ lines: ['tls-auth-clients optional'] })
    await server.call('CONFIG', 'SET', 'tls-auth-clients', 'yes')
    const address = { url: `rediss://localhost:${server.port}`, ca: authority.ca }
    const redis = await connectRedis({ ...address, cert: authority.cert, key: authority.key })
    expect(await redis.ping()).toBe('PONG')
    redis.disconnect()
    const hint = expect.stringContaining('REDIS_CERT_FILE')
    expect(await refusal(address)).toMatchObject({ code: 'redis-certificate', hint })
    expect(await refusal({ ...address, cert: stranger.cert, key: stranger.key })).toMatchObject({
      code: 'redis-certificate',
      hint,
    })
  })

  test('is not reached without TLS, and the hint says how', async () => {
    await using server = await startTlsProcess({ lines: ['tls-auth-clients no'] })
    const error = await connectRedis({ url: `redis://localhost:${server.port}` }, 500).catch(
      (caught: unknown) => caught,
    )
    expect(error).toMatchObject({ code: 'redis-unreachable', hint: expect.stringContaining('rediss') })
  })

  test('may be named by Sentinels with TLS, which have a password of their own', async () => {
    await using server = await startTlsProcess({
      lines: ['tls-auth-clients no', `requirepass ${secret}`],
      login: { password: secret },
    })
    await using sentinel = await startTlsProcess({
      sentinel: true,
      lines: [
        'tls-auth-clients no',
        'tls-replication yes',
        'sentinel resolve-hostnames yes',
        'sentinel announce-hostnames yes',
        `sentinel monitor mymaster localhost ${server.port} 1`,
        `sentinel auth-pass mymaster ${secret}`,
        `requirepass ${secret}s`,
      ],
      login: { password: `${secret}s` },
    })
    const url = `rediss+sentinel://localhost:${sentinel.port}/mymaster`
    const address = { url, ca: authority.ca, password: secret, sentinelPassword: `${secret}s` }
    const redis = await connectRedis(address)
    expect(await redis.set('key', 'value')).toBe('OK')
    redis.disconnect()

    expect(await refusal({ ...address, sentinelPassword: undefined })).toMatchObject({
      code: 'redis-login',
      message: expect.stringContaining('the Sentinels refuse the login'),
      hint: expect.stringContaining('REDIS_SENTINEL_PASSWORD'),
    })
    expect(await refusal({ ...address, password: `${secret}x` })).toMatchObject({
      code: 'redis-login',
      hint: expect.stringContaining('REDIS_PASSWORD'),
    })
    expect(await refusal({ ...address, ca: undefined })).toMatchObject({ code: 'redis-certificate' })
    expect(await refusal({ url: `rediss://:${secret}s@localhost:${sentinel.port}`, ca: authority.ca })).toMatchObject({
      code: 'redis-address',
      message: expect.stringContaining('it is a Sentinel'),
      hint: expect.stringContaining('redis+sentinel://'),
    })
    const unknown = connectRedis({ ...address, url: url.replace('mymaster', 'other') }, 1_000)
    await expect(unknown).rejects.toMatchObject({
      message: expect.stringContaining('know no master of this name'),
      retryable: true,
    })
  })

  test('may be a Cluster', async () => {
    await using server = await startTlsProcess({
      lines: [
        'tls-auth-clients no',
        'tls-cluster yes',
        'cluster-enabled yes',
        'cluster-announce-hostname localhost',
        'cluster-preferred-endpoint-type hostname',
      ],
    })
    await expect(
      connectRedis({ url: `rediss+cluster://localhost:${server.port}`, ca: authority.ca }, 500),
    ).rejects.toMatchObject({
      code: 'redis-unreachable',
      message: expect.stringContaining('does not serve all slots'),
    })
    await server.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const url = `rediss+cluster://localhost:${server.port}`
    const redis = await connectRedis({ url, ca: authority.ca })
    expect(await redis.set('key', 'value')).toBe('OK')
    redis.disconnect()
    expect(await refusal({ url })).toMatchObject({ code: 'redis-certificate' })
    expect(await refusal({ url: `rediss://localhost:${server.port}`, ca: authority.ca })).toMatchObject({
      code: 'redis-address',
      hint: expect.stringContaining('redis+cluster://'),
    })
  })
})
