import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError } from '#shared/config/configuration-error.ts'
import { cvatCredentials, cvatSettings } from '#shared/config/cvat.ts'
import { loadSettings } from '#shared/config/load-settings.ts'
import type { Environment } from '#shared/config/setting.ts'

const token = { CVAT_ACCESS_TOKEN: 'abc.def-123' }
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cvat-settings-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(env: Environment) {
  return loadSettings({ cvat: cvatSettings }, { env: { CVAT_URL: 'https://cvat', ...env } }).values.cvat
}

function faultsOf(env: Environment) {
  try {
    load(env)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults
    throw error
  }
  return []
}

describe('CVAT_URL', () => {
  test.each([
    ['https://cvat.example.com', 'https://cvat.example.com'],
    ['https://cvat.example.com/', 'https://cvat.example.com'],
    ['HTTP://Cvat.Example.com:8080/Base/path//', 'http://cvat.example.com:8080/Base/path'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['https://cvat.example.com:443', 'https://cvat.example.com'],
  ])('%s is taken as %s', (text, expected) => {
    expect(load({ ...token, CVAT_URL: text }).url).toBe(expected)
  })

  test.each(['cvat.example.com', 'ftp://cvat', 'https:cvat', '//cvat', 'https://', 'http://a b', 'localhost:8080'])(
    '%s is refused',
    (text) => expect(faultsOf({ ...token, CVAT_URL: text })).toMatchObject([{ name: 'CVAT_URL' }]),
  )

  test.each([
    ['https://me:hunter-two@cvat', '"***@cvat"', 'login'],
    ['https://me:hunter@two@cvat', '"***@cvat"', 'login'],
    ['https://@cvat', '"***@cvat"', 'login'],
    ['https://cvat?token=hunter-two', '"https://cvat?***"', 'query'],
    ['https://cvat/#hunter-two', '"https://cvat/#***"', 'fragment'],
    ['https://cvat/?', '"https://cvat/?***"', 'query'],
  ])('%s is refused and shown as %s', (text, value, problem) => {
    expect(faultsOf({ ...token, CVAT_URL: text })).toMatchObject([{ value, problem: expect.stringContaining(problem) }])
  })
})

describe('the login', () => {
  const password = { CVAT_USERNAME: 'me', CVAT_PASSWORD: 'hunter-two' }

  test('is the token, or user name and password; the token goes first', () => {
    expect(cvatCredentials(load(token))).toEqual({ accessToken: 'abc.def-123' })
    expect(cvatCredentials(load(password))).toEqual({ username: 'me', password: 'hunter-two' })
    expect(cvatCredentials(load({ ...token, ...password }))).toEqual({ accessToken: 'abc.def-123' })
    expect(cvatCredentials(load({ ...token, CVAT_USERNAME: 'me' }))).toEqual({ accessToken: 'abc.def-123' })
  })

  test.each<[string, Environment, string]>([
    ['nothing', {}, 'CVAT_ACCESS_TOKEN'],
    ['a user name alone', { CVAT_USERNAME: 'me' }, 'CVAT_PASSWORD'],
    ['a password alone', { CVAT_PASSWORD: 'hunter-two' }, 'CVAT_USERNAME'],
  ])('cannot be %s: one fault names what is missing', (_, env, name) => {
    expect(faultsOf(env)).toMatchObject([{ name }])
  })

  test('that is missing is reported together with other faults', () => {
    expect(faultsOf({ CVAT_URL: 'x', CVAT_CA_FILE: '/nowhere' }).map(({ name }) => name)).toEqual([
      'CVAT_URL',
      'CVAT_CA_FILE',
      'CVAT_ACCESS_TOKEN',
    ])
  })

  test('that is faulty is not reported as missing too', () => {
    expect(faultsOf({ CVAT_ACCESS_TOKEN: 'two words' })).toMatchObject([{ name: 'CVAT_ACCESS_TOKEN', value: '***' }])
    const unreadable = { CVAT_USERNAME: 'me', CVAT_PASSWORD_FILE: '/nowhere' }
    expect(faultsOf(unreadable)).toMatchObject([{ name: 'CVAT_PASSWORD_FILE' }])
  })
})

test('CVAT_ORGANIZATION is a slug', () => {
  expect(load({ ...token, CVAT_ORGANIZATION: 'Our_team-2' }).organization).toBe('Our_team-2')
  for (const text of ['our team', 'ä', 'a/b', 'a'.repeat(17)]) {
    expect(faultsOf({ ...token, CVAT_ORGANIZATION: text })).toHaveLength(1)
  }
})

describe('CVAT_CA_FILE', () => {
  function caFile(content: string): string {
    const file = join(folder, 'ca.pem')
    writeFileSync(file, content)
    return file
  }

  test('gives its path and certificates', () => {
    const file = caFile(`A comment\n${rootCertificates[0]}\n${rootCertificates[1]}\n`)
    expect(load({ ...token, CVAT_CA_FILE: file }).caFile).toEqual({ path: file, pem: readFileSync(file, 'utf8') })
  })

  test('must be there and readable', () => {
    expect(faultsOf({ ...token, CVAT_CA_FILE: join(folder, 'missing') })[0]?.problem).toContain('ENOENT')
    expect(faultsOf({ ...token, CVAT_CA_FILE: folder })[0]?.problem).toContain('EISDIR')
  })

  test.each([
    ['no certificate', 'hello', 'without a PEM certificate'],
    ['a damaged certificate', rootCertificates[0]!.replace('MII', 'AAA'), 'certificate 1 cannot be parsed'],
    [
      'a second, empty certificate',
      `${rootCertificates[0]}\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----`,
      'certificate 2',
    ],
  ])('with %s is refused', (_, content, problem) => {
    expect(faultsOf({ ...token, CVAT_CA_FILE: caFile(content) })[0]?.problem).toContain(problem)
  })
})
