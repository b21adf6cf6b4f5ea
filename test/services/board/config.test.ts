import { describe, expect, test } from 'vitest'
import { boardSettings } from '#services/board/config.ts'
import { loadSettings } from '#shared/config/load-settings.ts'

const load = (env: Record<string, string>) => loadSettings({ board: boardSettings }, { env }).values.board

test('a board that nothing is set for is for this machine alone', () => {
  expect(load({})).toEqual({ host: '127.0.0.1', port: 3000, readOnly: false })
})

test.each([
  ['BOARD_HOST', '[::]', { host: '::' }],
  ['BOARD_HOST', 'board.internal', { host: 'board.internal' }],
  ['BOARD_PORT', '8080', { port: 8080 }],
  ['BOARD_PORT', '0', { port: 0 }],
  ['BOARD_PORT', 'OFF', { port: 'off' }],
  ['BOARD_READ_ONLY', 'yes', { readOnly: true }],
])('%s may be %s', (name, text, expected) => {
  expect(load({ [name]: text })).toMatchObject(expected)
})

test.each([
  ['BOARD_HOST', 'http://x', /is not an IP address or a host name/],
  ['BOARD_HOST', '127.0.0.1:3000', /is not an IP address or a host name/],
  ['BOARD_PORT', '65536', /is not a port from 0 to 65535/],
  ['BOARD_PORT', '-1', /is not a port/],
  ['BOARD_PROXY_USER_HEADER', 'X User', /is not the name of a header/],
  ['BOARD_TRUSTED_PROXIES', '10.0.0.300', /holds «10.0.0.300», which is neither an address nor a network/],
  ['BOARD_TRUSTED_PROXIES', '10.0.0.0/33', /neither an address nor a network/],
  ['BOARD_TRUSTED_PROXIES', 'nginx', /neither an address nor a network/],
  ['BOARD_TRUSTED_PROXIES', '10.0.0.1,', /neither an address nor a network/],
  ['BOARD_TRUSTED_PROXIES', '0.0.0.0/0', /which is everybody/],
  ['BOARD_TRUSTED_PROXIES', '::/0', /which is everybody/],
  ['BOARD_PUBLIC_URL', 'ftp://x', /is not an http or https address/],
  ['BOARD_PUBLIC_URL', 'https://x/?y', /is not an http or https address/],
  ['BOARD_PUBLIC_URL', 'https://x/a;b', /unusual characters/],
  ['BOARD_PUBLIC_URL', 'https://x//y', /unusual characters/],
  ['BOARD_READ_ONLY', 'perhaps', /is not `true`/],
])('%s is refused as %s', (name, text, problem) => {
  expect(() => load({ [name]: text })).toThrow(problem)
})

describe('a login by password', () => {
  test('needs both parts', () => {
    expect(() => load({ BOARD_USERNAME: 'ops' })).toThrow(/BOARD_USERNAME is set, but BOARD_PASSWORD is not/)
    expect(() => load({ BOARD_PASSWORD: 'long enough' })).toThrow(/BOARD_PASSWORD is set, but BOARD_USERNAME is not/)
  })

  test('takes no password that is short or the name, and does not show it', () => {
    expect(() => load({ BOARD_USERNAME: 'ops', BOARD_PASSWORD: 'short-7' })).toThrow(/8 characters or more/)
    expect(() => load({ BOARD_USERNAME: 'ops', BOARD_PASSWORD: 'short-7' })).not.toThrow(/short-7/)
    expect(() => load({ BOARD_USERNAME: 'operators', BOARD_PASSWORD: 'operators' })).toThrow(/same as BOARD_USERNAME/)
  })

  test('is a secret of the log', () => {
    const env = { BOARD_USERNAME: 'ops', BOARD_PASSWORD: 'long enough' }
    expect(loadSettings({ board: boardSettings }, { env }).secrets).toEqual(['long enough'])
  })
})

test('trusted addresses are single ones and networks, of both families, IPv4 also as a dual-stack socket shows it', () => {
  const { trustedProxies } = load({ BOARD_TRUSTED_PROXIES: '10.0.3.7, 172.18.0.0/16,fd00::/8' })
  const has = (address: string | undefined) => trustedProxies!.has(address)
  for (const address of ['10.0.3.7', '172.18.255.1', '::ffff:10.0.3.7', '::FFFF:172.18.0.1', 'fd12::1']) {
    expect([address, has(address)]).toEqual([address, true])
  }
  for (const address of ['10.0.3.8', '172.19.0.1', '::ffff:10.0.3.8', 'fe80::1%eth0', '', 'x', undefined]) {
    expect([address, has(address)]).toEqual([address, false])
  }
})

describe('roles', () => {
  const own = { BOARD_USERNAME: 'ops', BOARD_PASSWORD: 'long enough' }
  const [one, two] = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210']

  test("a viewer's login needs both parts, an operator's beside it, and other words", () => {
    const viewer = { BOARD_VIEWER_USERNAME: 'guest', BOARD_VIEWER_PASSWORD: 'also long enough' }
    expect(load({ ...own, ...viewer })).toMatchObject({ viewerUsername: 'guest' })
    expect(() => load(viewer)).toThrow(/BOARD_VIEWER_USERNAME is set, but BOARD_USERNAME is not/)
    expect(() => load({ ...own, BOARD_VIEWER_USERNAME: 'guest' })).toThrow(/BOARD_VIEWER_PASSWORD is not/)
    expect(() => load({ ...own, ...viewer, BOARD_VIEWER_USERNAME: 'ops' })).toThrow(/same as BOARD_USERNAME/)
    expect(() => load({ ...own, ...viewer, BOARD_VIEWER_PASSWORD: 'long enough' })).toThrow(/or as BOARD_PASSWORD/)
  })

  test('operators behind a proxy are named, and need one', () => {
    const proxy = { BOARD_PROXY_USER_HEADER: 'X-User', BOARD_TRUSTED_PROXIES: '10.0.0.1' }
    expect(load({ ...proxy, BOARD_OPERATORS: 'ada, bob' }).operators).toEqual(new Set(['ada', 'bob']))
    expect(() => load({ BOARD_OPERATORS: 'ada' })).toThrow(/BOARD_PROXY_USER_HEADER is not/)
    expect(() => load({ ...proxy, BOARD_OPERATORS: 'ada,,bob' })).toThrow(/comma-separated list of user names/)
  })

  test('tokens have a role each, are long, and each is a secret of the log', () => {
    const env = { BOARD_TOKENS: `viewer:${one}, operator:${two}` }
    const loaded = loadSettings({ board: boardSettings }, { env })
    expect(loaded.values.board.tokens).toEqual([
      { role: 'viewer', token: one },
      { role: 'operator', token: two },
    ])
    expect(loaded.secrets).toEqual(expect.arrayContaining([one, two]))
    expect(() => load({ BOARD_TOKENS: one })).toThrow(/viewer:TOKEN/)
    expect(() => load({ BOARD_TOKENS: 'viewer:short' })).toThrow(/fewer than 32 characters/)
    expect(() => load({ BOARD_TOKENS: `viewer:${one},operator:${one}` })).toThrow(/same token twice/)
    expect(() => load({ BOARD_TOKENS: `admin:${one}` })).not.toThrow(new RegExp(one))
  })
})
