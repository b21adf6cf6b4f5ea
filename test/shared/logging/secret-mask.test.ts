import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSecretMask } from '#shared/logging/secret-mask.ts'

const secret = 'pa:ss/w+rd "ü\\§\n1'
const mask = createSecretMask([secret])

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

describe('a known secret is masked', () => {
  const json = JSON.stringify(secret).slice(1, -1)
  const escaped = [...secret].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
  test.each([
    ['as it is', secret],
    ['encoded as part of a URL', encodeURIComponent(secret)],
    ['encoded with lower-case digits', encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['encoded as a form', new URLSearchParams({ a: secret }).toString().slice(2)],
    ['encoded as the login of a URL', Object.assign(new URL('http://h'), { password: secret }).password],
    ['encoded twice', encodeURIComponent(encodeURIComponent(secret))],
    ['inside JSON', json],
    ['inside JSON inside JSON', JSON.stringify(json).slice(1, -1)],
    ['escaped to the last character', escaped],
    ['as base64', base64(secret)],
    ['as URL-safe base64', Buffer.from(secret).toString('base64url')],
  ])('%s', (_, text) => {
    const result = mask(`before ${text} after`)
    expect(result).toBe('before *** after')
  })

  test.each(['a', 'me', 'bob', 'user', 'admin', 'backup@example.com'])('in the text of a Basic login of %s', (user) => {
    expect(mask(`Basic ${base64(`${user}:${secret}`)}`)).toBe('Basic ***')
  })

  test('in every place where it is, next to others', () => {
    const several = createSecretMask(['first', 'second', ''])
    expect(several('first, second, xfirsty, unknown')).toBe('***, ***, x***y, unknown')
  })

  test('as a whole, when another secret is a part of it', () => {
    expect(createSecretMask(['word', 'password'])('password')).toBe('***')
  })

  test('only as a word when it is very short: else the holes in the text would spell it', () => {
    expect(createSecretMask(['ab'])('cab drabs "ab" ab:1')).toBe('cab drabs "***" ***:1')
  })
})

test('text without a secret stays as it is', () => {
  const text =
    'GET /api/requests/action=export&target=project&target_id=6 took 0.03 s; sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NM='
  expect(mask(text)).toBe(text)
  expect(createSecretMask([])(text)).toBe(text)
})

test('no encoding of any secret gets through', () => {
  const anySecret = fc.string({ minLength: 5, maxLength: 40, unit: 'grapheme' }).filter((text) => text.isWellFormed())
  const encode = fc.constantFrom<(text: string) => string>(
    (text) => text,
    encodeURIComponent,
    (text) => JSON.stringify(text).slice(1, -1),
    (text) => base64(`user:${text}`),
    (text) => base64(text),
    (text) => Buffer.from(`me:${text}`).toString('base64url'),
  )
  fc.assert(
    fc.property(anySecret, encode, (text, encoded) => {
      expect(createSecretMask([text])(`<${encoded(text)}>`)).toBe('<***>')
    }),
    { numRuns: 500 },
  )
})

test('masking takes time linear in the text, whatever it is', () => {
  const large = createSecretMask(['\\"\\"secret', 'aaaaaaaaaaaaaaab', ' + + +!'])
  for (const unit of ['\\', 'a', '%25', '+', '"', 'Z/']) {
    const started = performance.now()
    large(unit.repeat(200_000))
    expect(performance.now() - started).toBeLessThan(2_000)
  }
})
