// The board's own settings: where it listens and who may come in.

import { isIP } from 'node:net'
import type { ConfigurationFault } from '#shared/config/configuration-error.ts'
import { defineGroup, type GroupState, type Settings, type ValuesOf } from '#shared/config/setting.ts'
import { InvalidValue, line, valueSchema, yesOrNo } from '#shared/config/value-schemas.ts'
import { parseTrustedAddresses } from './trusted-addresses.ts'

/** What a password that a person chooses has at least by NIST SP 800-63B. */
const MIN_PASSWORD_LENGTH = 8
/** 128 bits as hexadecimal digits: what nobody guesses, however fast they ask. */
const MIN_TOKEN_LENGTH = 32

export interface ApiToken {
  readonly role: 'viewer' | 'operator'
  readonly token: string
}

const settings = {
  host: {
    name: 'BOARD_HOST',
    schema: valueSchema('an IP address or a host name', parseHost),
    default: '127.0.0.1',
    description:
      'Address that the board listens on; `0.0.0.0` is every one. Without a login (BOARD_PASSWORD or BOARD_PROXY_USER_HEADER) it is this machine only, whatever is set here.',
  },
  port: {
    name: 'BOARD_PORT',
    schema: valueSchema('a port from 0 to 65535 (0 takes any that is free), or `off`', parsePort),
    default: '3000',
    description: 'Port of the board. With `off`, `serve` starts none.',
  },
  username: {
    name: 'BOARD_USERNAME',
    schema: line({ accepts: 'a user name of up to 200 characters', pattern: /^[^\r\n]{1,200}$/ }),
    description: 'Who may log in at the board, with BOARD_PASSWORD.',
    example: 'operator',
    whenUnset: 'no login by password',
  },
  password: {
    name: 'BOARD_PASSWORD',
    schema: valueSchema(`a password of ${MIN_PASSWORD_LENGTH} characters or more`, parsePassword),
    description: 'Password of BOARD_USERNAME. Changing either ends every session.',
    secret: true,
    whenUnset: 'no login by password',
  },
  viewerUsername: {
    name: 'BOARD_VIEWER_USERNAME',
    schema: line({ accepts: 'a user name of up to 200 characters', pattern: /^[^\r\n]{1,200}$/ }),
    description:
      'Who may log in to look only, with BOARD_VIEWER_PASSWORD: nothing can be started, changed or downloaded.',
    example: 'viewer',
    whenUnset: 'no such login',
  },
  viewerPassword: {
    name: 'BOARD_VIEWER_PASSWORD',
    schema: valueSchema(`a password of ${MIN_PASSWORD_LENGTH} characters or more`, parsePassword),
    description: 'Password of BOARD_VIEWER_USERNAME.',
    secret: true,
    whenUnset: 'no such login',
  },
  tokens: {
    name: 'BOARD_TOKENS',
    schema: valueSchema('a comma-separated list of `viewer:TOKEN` and `operator:TOKEN`', parseTokens),
    description: `Tokens with which scripts speak to the board's API (\`Authorization: Bearer TOKEN\`), each of ${MIN_TOKEN_LENGTH} characters or more; \`openssl rand -hex 32\` makes one.`,
    secret: true,
    whenUnset: 'no tokens',
  },
  proxyUserHeader: {
    name: 'BOARD_PROXY_USER_HEADER',
    schema: line({ accepts: 'the name of a header', pattern: /^[A-Za-z][A-Za-z0-9-]{0,99}$/ }),
    description:
      'Header in which a reverse proxy names the user that it has let in. Believed only from an address in BOARD_TRUSTED_PROXIES; the proxy must remove it from what visitors send.',
    example: 'X-Forwarded-User',
    whenUnset: 'no login by a proxy',
  },
  trustedProxies: {
    name: 'BOARD_TRUSTED_PROXIES',
    schema: valueSchema('a comma-separated list of IP addresses and networks', parseTrustedAddresses),
    description:
      'Addresses of the reverse proxies in front of the board: those that its connections come from. Only they are believed about who the user is and which address a visitor has.',
    example: '10.0.3.7,172.18.0.0/16',
    whenUnset: 'none',
  },
  operators: {
    name: 'BOARD_OPERATORS',
    schema: valueSchema('a comma-separated list of user names', parseNames),
    description:
      'Which of the users that BOARD_PROXY_USER_HEADER names may start, change and download things; all others look only.',
    example: 'alice,bob@example.com',
    whenUnset: 'all of them',
  },
  publicUrl: {
    name: 'BOARD_PUBLIC_URL',
    schema: valueSchema('an http or https address, with a path if the board is below one', parsePublicUrl),
    description:
      'Address of the board as in a browser, where it is another than that of BOARD_HOST and BOARD_PORT: behind TLS, behind a reverse proxy, below a path.',
    example: 'https://backups.example.com/board',
    whenUnset: 'http at BOARD_HOST and BOARD_PORT, without a path',
  },
  readOnly: {
    name: 'BOARD_READ_ONLY',
    schema: yesOrNo(),
    default: 'false',
    description: 'Whether the board only shows: nobody can retry, promote, pause or remove anything.',
  },
} as const satisfies Settings

export const boardSettings = defineGroup({
  title: 'Board',
  settings,
  check: checkLogins,
  // Each by itself: a log line holds one of them, not the whole setting.
  derivedSecrets: ({ tokens }) => tokens?.map(({ token }) => token) ?? [],
})

export type BoardSettings = ValuesOf<typeof settings>

function checkLogins({ values, given }: GroupState<typeof settings>): ConfigurationFault[] {
  const faults: ConfigurationFault[] = []
  const needs = (key: keyof typeof settings, other: keyof typeof settings) => {
    if (!given.has(key) || given.has(other)) return
    const problem = `is set, but ${settings[other].name} is not`
    faults.push({ name: settings[key].name, problem, fix: `Set ${settings[other].name} too, or remove it` })
  }
  needs('username', 'password')
  needs('password', 'username')
  needs('viewerUsername', 'viewerPassword')
  needs('viewerPassword', 'viewerUsername')
  needs('viewerUsername', 'username')
  needs('operators', 'proxyUserHeader')
  needs('proxyUserHeader', 'trustedProxies')
  const { username, password } = values
  if (password !== undefined && password === username) {
    const problem = 'is the same as BOARD_USERNAME'
    faults.push({ name: 'BOARD_PASSWORD', value: '***', problem, fix: 'Choose a password that nobody guesses' })
  }
  const { viewerUsername, viewerPassword } = values
  if (viewerUsername !== undefined && viewerUsername === username) {
    const problem = 'is the same as BOARD_USERNAME'
    faults.push({ name: 'BOARD_VIEWER_USERNAME', value: viewerUsername, problem, fix: 'Choose another name' })
  }
  if (viewerPassword !== undefined && (viewerPassword === viewerUsername || viewerPassword === password)) {
    const problem = 'is the same as the user name or as BOARD_PASSWORD'
    faults.push({ name: 'BOARD_VIEWER_PASSWORD', value: '***', problem, fix: 'Choose another password' })
  }
  return faults
}

function parseHost(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) || /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/i.test(bare)) return bare
  throw new InvalidValue('', 'Write it like 127.0.0.1, 0.0.0.0 or ::')
}

function parsePort(text: string): number | 'off' {
  if (text.toLowerCase() === 'off') return 'off'
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidValue('')
  return port
}

function parsePassword(text: string): string {
  if (Array.from(text).length < MIN_PASSWORD_LENGTH) throw new InvalidValue('', 'Choose a longer one')
  return text
}

function parseTokens(text: string): readonly ApiToken[] {
  const parts = text.split(',').map((part) => part.trim())
  const tokens = parts.map((part) => {
    const [, role, token] = /^(viewer|operator):([\w.~+/=-]+)$/.exec(part) ?? []
    if (role === undefined || token === undefined) {
      throw new InvalidValue('', 'Write it like viewer:TOKEN,operator:TOKEN, tokens of letters, digits and `-._~+/=`')
    }
    if (token.length < MIN_TOKEN_LENGTH) {
      throw new InvalidValue(
        `holds a token of fewer than ${MIN_TOKEN_LENGTH} characters`,
        'Make one with `openssl rand -hex 32`',
      )
    }
    return { role: role as ApiToken['role'], token }
  })
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length) {
    throw new InvalidValue('holds the same token twice', 'Give each script a token of its own')
  }
  return tokens
}

function parseNames(text: string): ReadonlySet<string> {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) throw new InvalidValue('', 'Write it like alice,bob')
  return new Set(names)
}

function parsePublicUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || /[?#]/.test(text) || url.username || url.password) {
    throw new InvalidValue('', 'Write it like https://backups.example.com or https://example.com/backups')
  }
  // It becomes part of routes and cookies.
  if (!/^[\w./~-]*$/.test(url.pathname) || url.pathname.includes('//')) {
    throw new InvalidValue('has a path with unusual characters', 'Use letters, digits and `-._~` in the path')
  }
  return url
}
