import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { type Script, sendHtml, sendJson, startScriptedServer } from './scripted-server.ts'
import { accessToken, faultOf, noAbort, openTestClient, password } from './test-client.ts'

const credentials = { username: 'keeper', password }
const self = { id: 7, username: 'keeper' }

/** Gives the keys in turn and takes only the ones in `valid`. */
function loginServer(keys: string[], valid: Set<string>): Script {
  let logins = 0
  return (request, response) => {
    if (request.path === '/api/auth/login') {
      const key = keys[Math.min(logins++, keys.length - 1)]
      return void setTimeout(() => sendJson(response, 200, { key }), 30)
    }
    if (valid.has(request.headers.authorization ?? '')) return sendJson(response, 200, self)
    sendJson(response, 401, { detail: 'Invalid token.' })
  }
}

describe('login', () => {
  it('sends an access token as Bearer and never logs in', async () => {
    await using server = await startScriptedServer((_, response) => sendJson(response, 200, self))
    await using client = openTestClient(server.url)
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
    expect(server.seen.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/api/users/self', `Bearer ${accessToken}`],
    ])
  })

  it('makes one login for many callers at the same time, and keeps it', async () => {
    await using server = await startScriptedServer(loginServer(['key-1'], new Set(['Token key-1'])))
    await using client = openTestClient(server.url, { credentials })
    await Promise.all(Array.from({ length: 20 }, () => client.cvat.getSelf(noAbort())))
    await client.cvat.getSelf(noAbort())
    expect(server.count('/api/auth/login')).toBe(1)
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual(credentials)
    expect(server.seen.some((request) => request.headers.authorization?.startsWith('Basic'))).toBe(false)
  })

  it('makes one new login when many calls at the same time are refused, and all of them succeed', async () => {
    const valid = new Set(['Token key-1'])
    await using server = await startScriptedServer(loginServer(['key-1', 'key-2'], valid))
    await using client = openTestClient(server.url, { credentials })
    await client.cvat.getSelf(noAbort())
    valid.clear()
    valid.add('Token key-2')
    await Promise.all(Array.from({ length: 20 }, () => client.cvat.getSelf(noAbort())))
    expect(server.count('/api/auth/login')).toBe(2)
  })

  it('does not log in again for a refusal that arrives after the renewal, though the key is the same', async () => {
    let slowRefused: (() => void) | undefined
    let refusals = 0
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/auth/login') return sendJson(response, 200, { key: 'same-key' })
      if (request.path === '/api/users/self' && refusals === 0) {
        refusals++
        slowRefused = () => sendJson(response, 401, { detail: 'Invalid token.' })
        return
      }
      if (request.path === '/api/projects/1' && refusals === 1) {
        refusals++
        return sendJson(response, 401, { detail: 'Invalid token.' })
      }
      if (request.path === '/api/users/self') return sendJson(response, 200, self)
      sendJson(response, 200, { id: 1, name: 'p', updated_date: '2026-01-01T00:00:00Z' })
    })
    await using client = openTestClient(server.url, { credentials })
    const slow = client.cvat.getSelf(noAbort())
    await expect.poll(() => slowRefused).toBeDefined()
    await client.cvat.getProject(1, noAbort())
    expect(server.count('/api/auth/login')).toBe(2)
    slowRefused?.()
    expect(await slow).toEqual(self)
    expect(server.count('/api/auth/login')).toBe(2)
  })

  it('renews once and then says that the login failed', async () => {
    await using server = await startScriptedServer(loginServer(['key-1'], new Set()))
    await using client = openTestClient(server.url, { credentials })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'login-failed', retryable: false })
    expect(fault.hint).toContain('CVAT_PASSWORD')
    expect(server.count('/api/auth/login')).toBe(2)
    expect(server.count('/api/users/self')).toBe(2)
  })

  it('names CVAT_USERNAME and CVAT_PASSWORD when the password is wrong, and does not try again', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 400, { non_field_errors: ['Unable to log in with provided credentials.'] }),
    )
    await using client = openTestClient(server.url, { credentials })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'login-failed', retryable: false })
    expect(fault.message).toContain('Unable to log in with provided credentials.')
    expect(fault.hint).toMatch(/CVAT_USERNAME.*CVAT_PASSWORD/)
    expect(server.seen).toHaveLength(1)
  })

  it('names CVAT_ACCESS_TOKEN when the access token is refused', async () => {
    await using server = await startScriptedServer((_, response) =>
      sendJson(response, 401, { detail: 'Invalid token.' }),
    )
    await using client = openTestClient(server.url)
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    expect(fault).toMatchObject({ code: 'login-failed', retryable: false })
    expect(fault.hint).toContain('CVAT_ACCESS_TOKEN')
    expect(server.seen).toHaveLength(1)
  })

  it.each([403, 404, 405])('falls back to Basic when the login call answers %i', async (status) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/auth/login') return sendHtml(response, status, 'no')
      sendJson(response, 200, self)
    })
    await using client = openTestClient(server.url, { credentials })
    await client.cvat.getSelf(noAbort())
    await client.cvat.getSelf(noAbort())
    expect(server.count('/api/auth/login')).toBe(1)
    const expected = `Basic ${Buffer.from(`keeper:${password}`).toString('base64')}`
    expect(server.seen.at(-1)?.headers.authorization).toBe(expected)
  })

  it('waits out throttling of the login call', async () => {
    let throttled = true
    await using server = await startScriptedServer((request, response) => {
      if (request.path !== '/api/auth/login') return sendJson(response, 200, self)
      if (!throttled) return sendJson(response, 200, { key: 'key-1' })
      throttled = false
      sendJson(response, 429, { detail: 'Request was throttled.' }, { 'retry-after': '10' })
    })
    await using client = openTestClient(server.url, { credentials })
    expect(await client.cvat.getSelf(noAbort())).toEqual(self)
    expect(client.pauses).toEqual([10_250])
  })

  it('goes on for others when the caller that began the login gives up', async () => {
    await using server = await startScriptedServer(loginServer(['key-1'], new Set(['Token key-1'])))
    await using client = openTestClient(server.url, { credentials })
    const impatient = new AbortController()
    const first = client.cvat.getSelf(impatient.signal)
    const second = client.cvat.getSelf(noAbort())
    impatient.abort(new Error('had enough'))
    await expect(first).rejects.toThrow('had enough')
    expect(await second).toEqual(self)
    expect(server.count('/api/auth/login')).toBe(1)
  })
})

describe('secrets', () => {
  it('are in no error, log line or picture of the client, even when the server echoes them', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.path === '/api/auth/login') return sendJson(response, 200, { key: 'key-never-shown' })
      response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end(`echo ${JSON.stringify(request.headers)} ${password}`)
    })
    await using client = openTestClient(server.url, { credentials })
    const fault = await faultOf(client.cvat.getSelf(noAbort()))
    const texts = [
      describeError(fault),
      inspect(fault),
      fault.hint,
      inspect(client.cvat, { depth: 9, showHidden: true }),
    ]
    expect([...texts, ...client.logged].join('\n')).not.toMatch(/never-shown/)
    expect(client.logged).not.toEqual([])
    expect(fault.message).toContain('***')
  })

  it.each([{ accessToken: 'two words never-shown' }, { accessToken: '' }, { username: 'keeper', password: '' }])(
    'that cannot be sent are refused without being repeated (%#)',
    (bad) => {
      const open = () => openTestClient('http://127.0.0.1:1', { credentials: bad })
      expect(open).toThrow(BackupError)
      expect(open).not.toThrow(/never-shown/)
    },
  )

  it('in CVAT_URL are refused without being repeated', () => {
    const open = () => openTestClient('http://keeper:never-shown@127.0.0.1:1')
    expect(open).toThrow(/credentials/)
    expect(open).not.toThrow(/never-shown/)
  })
})
