import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactLine, redactText } from '#shared/logging/redact-line.ts'
import { createSecretMask } from '#shared/logging/secret-mask.ts'

const keep = (text: string) => text

function redact(record: object, secrets: readonly string[] = []): unknown {
  return JSON.parse(redactLine(`${JSON.stringify(record)}\n`, createSecretMask(secrets)))
}

describe('a field that tells a secret by its name', () => {
  test.each([
    'authorization',
    'Authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'password',
    'CVAT_PASSWORD',
    'accessToken',
    'X-CSRFToken',
    'client_secret',
    'apiKey',
    'api_key',
    'sessionid',
    'tokens',
  ])('%s is masked however deep it lies', (name) => {
    for (const value of ['hunter-two', 12345, ['hunter-two'], { value: 'hunter-two' }]) {
      expect(redact({ a: [{ b: { [name]: value } }] })).toEqual({ a: [{ b: { [name]: '***' } }] })
    }
  })

  test.each([
    { tokenExpiresAt: '2030-01-01' },
    { hasPassword: true },
    { password: null },
    { token: '' },
    { key: 'project-6' },
    { retryAfterMs: 5 },
  ])('%j tells none', (record) => expect(redact(record)).toEqual(record))

  test('may be a name in a list of raw headers', () => {
    const rawHeaders = ['Accept', '*/*', 'Authorization', 'Basic hunter-two', 'Cookie', 'sessionid=1']
    expect(redact({ rawHeaders })).toEqual({ rawHeaders: ['Accept', '*/*', 'Authorization', '***', 'Cookie', '***'] })
  })
})

describe('text that tells a secret', () => {
  test.each([
    ['Authorization: Basic YWRtaW46aHVudGVy', 'Authorization: Basic ***'],
    ['authorization: Token 0123456789abcdef sent', 'authorization: Token *** sent'],
    ['{"authorization":"Bearer abc"}', '{"authorization":"Bearer ***"}'],
    ['Set-Cookie: sessionid=abc; csrftoken=def', 'Set-Cookie: ***'],
    ['connect redis://user:hunter@redis:6379 failed', 'connect redis://***@redis:6379 failed'],
    ['GET https://h/x?access_token=abc&page=2', 'GET https://h/x?access_token=***&page=2'],
  ])('%s becomes %s', (text, expected) => expect(redactText(text, keep)).toBe(expected))

  test.each([
    'the token was refused',
    'export of project-6 (a@b) finished: https://h/x?page=2&sort=id',
    'https://h/mail?to=me@example.com',
    'the password or user name is wrong (401)',
  ])('%s is none', (text) => expect(redactText(text, keep)).toBe(text))
})

describe('a known secret', () => {
  test('is masked in messages, nested values, lists, field names and numbers', () => {
    const record = {
      level: 'info',
      msg: 'a hunter-two',
      deep: { list: ['x', 'hunter-two'], 'hunter-two': 1 },
      n: 123456,
    }
    expect(redact(record, ['hunter-two', '123456'])).toEqual({
      level: 'info',
      msg: 'a ***',
      deep: { list: ['x', '***'], '***': 1 },
      n: '***',
    })
  })

  test('harms neither the syntax nor level and time of a line', () => {
    const time = '2026-01-02T03:04:05.678Z'
    for (const secret of ['"', 'info', '{', ':', '2026', 'level']) {
      expect(redact({ level: 'info', time, msg: 'done' }, [secret])).toEqual({ level: 'info', time, msg: 'done' })
    }
  })

  test('never leaves a line, whatever is in it', () => {
    const secret = 'hunter"two\\§'
    const text = fc.tuple(fc.string(), fc.string()).map(([before, after]) => `${before} ${secret} ${after}`)
    const record = fc.object({
      key: fc.oneof(fc.string(), text),
      values: [fc.string(), text, fc.integer(), fc.boolean()],
    })
    fc.assert(
      fc.property(record, (fields) => {
        const line = redactLine(JSON.stringify({ level: 'info', ...fields }), createSecretMask([secret]))
        expect(line).not.toContain('hunter')
        expect(line.match(/\n/g)).toHaveLength(1)
        expect(JSON.parse(line)).toMatchObject({ level: expect.anything() })
      }),
    )
  })
})

test('a line that is no JSON is still one, redacted', () => {
  expect(JSON.parse(redactLine('{broken hunter-two\n', createSecretMask(['hunter-two'])))).toEqual({
    level: 'error',
    msg: '{broken ***',
  })
})
