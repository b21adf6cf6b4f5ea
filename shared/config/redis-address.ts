// The forms in which the address of a Redis can be written, and which part of them is secret.

import { InvalidValue } from './value-schemas.ts'

export interface RedisNode {
  readonly host: string
  readonly port: number
}

export interface RedisLogin {
  readonly username: string | undefined
  readonly password: string | undefined
}

export type ParsedRedisAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | (RedisLogin & {
      readonly kind: 'single'
      readonly tls: boolean
      readonly node: RedisNode
      readonly database: number
    })
  | (RedisLogin & {
      readonly kind: 'sentinel'
      readonly tls: boolean
      /** The Sentinels; the login is for the servers that they watch. */
      readonly nodes: readonly RedisNode[]
      readonly master: string
      readonly database: number
    })
  | (RedisLogin & { readonly kind: 'cluster'; readonly tls: boolean; readonly nodes: readonly RedisNode[] })

const ENCODE = 'Percent-encode special characters in the password, or give it as REDIS_PASSWORD'
const FORMS =
  'Write it like redis://host:6379, rediss://host:6379, redis+sentinel://host1:26379,host2:26379/mymaster, redis+cluster://host1:6379,host2:6379 or unix:/run/redis/redis.sock'
const SENTINEL_FORM = 'Write it like redis+sentinel://host1:26379,host2:26379/mymaster or …/mymaster/0'

/**
 * Accepts a server as `redis://[[user]:password@]host[:port][/db]`, Sentinels as
 * `redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/db]`, nodes of a Cluster as
 * `redis+cluster://[[user]:password@]host[:port][,host[:port]…]`, all of them with `rediss` for TLS, and a socket as
 * `unix:/path`, `unix:///path` or `redis+unix:` with either. The scheme may have capitals. Ports not given are 6379, of
 * Sentinels 26379.
 *
 * There is no standard beyond `redis://` and `rediss://`. The form with `+sentinel` is the one that Python's clients of
 * Sentinel share; the one for a Cluster is made like it.
 * @throws InvalidValue that does not repeat the text
 */
export function parseRedisAddress(text: string): ParsedRedisAddress {
  const [, scheme = '', rest = ''] = /^([a-z+]+:)(.*)$/is.exec(text) ?? []
  const form = scheme.toLowerCase()
  if (/^(redis\+)?unix:$/.test(form)) return parseSocket(rest)
  const [, tls, topology] = /^redis(s?)(?:\+(sentinel|cluster))?:$/.exec(form) ?? []
  const parts = /^\/\/(?:([^@/]*)@)?([^/@]*)((?:\/.*)?)$/s.exec(rest)
  if (tls === undefined || !rest.startsWith('//')) throw new InvalidValue('', FORMS)
  if (!parts || /[\s?#]/.test(rest)) throw new InvalidValue('is not an address of a form that is known', ENCODE)
  const [, login = '', hosts = '', path = ''] = parts
  const common = { tls: tls === 's', ...parseLogin(login) }
  if (topology === 'sentinel') {
    const [, master = '', database = ''] = /^\/([^/]+)(\/\d{0,4})?$/.exec(path) ?? []
    if (!/^[\w.-]+$/.test(master)) throw new InvalidValue('names no master that the Sentinels watch', SENTINEL_FORM)
    return { kind: 'sentinel', ...common, nodes: parseNodes(hosts, 26379), master, database: Number(database.slice(1)) }
  }
  if (topology === 'cluster') {
    if (!/^\/?0?$/.test(path)) {
      throw new InvalidValue('names a database, but a Redis Cluster has none but 0', `Leave it out. ${ENCODE}`)
    }
    return { kind: 'cluster', ...common, nodes: parseNodes(hosts, 6379) }
  }
  if (hosts.includes(',')) {
    const fix = 'Write several hosts of a Cluster as redis+cluster://…, Sentinels as redis+sentinel://…/mymaster'
    throw new InvalidValue('names several hosts', fix)
  }
  const node = parseNodes(hosts, 6379)[0]!
  if (!/^(\/\d{0,4})?$/.test(path)) {
    throw new InvalidValue('names a database that is not a number', `Write it like redis://host:6379/0. ${ENCODE}`)
  }
  return { kind: 'single', ...common, node, database: Number(path.slice(1)) }
}

/**
 * The address with a lower-case scheme, in one of the forms of {@link parseRedisAddress}.
 * @throws InvalidValue that does not repeat the text
 */
export function checkRedisAddress(text: string): string {
  parseRedisAddress(text)
  return text.replace(/^[^:]*/, (scheme) => scheme.toLowerCase())
}

/** The address with its password hidden: `redis://user:***@host`. A login without a colon may be a password: it goes. */
export function maskRedisAddress(text: string): string {
  return text.replace(/^([^/]*\/\/)([^:@]*)(:?)(.*)@/s, (_, scheme: string, user: string, colon: string) =>
    colon ? `${scheme}${user}:***@` : `${scheme}***@`,
  )
}

/** Password of an address that {@link checkRedisAddress} accepted; undefined when there is none. */
export function passwordOfRedisAddress(address: string): string | undefined {
  const parsed = parseRedisAddress(address)
  return parsed.kind === 'socket' ? undefined : parsed.password
}

function parseSocket(rest: string): ParsedRedisAddress {
  const [, path] = /^(?:\/\/)?(\/[^/?#]+(?:\/[^?#]*)?)$/.exec(rest) ?? []
  if (path) return { kind: 'socket', path }
  throw new InvalidValue('names no absolute path of a socket', 'Write it like unix:/run/redis/redis.sock')
}

function parseLogin(login: string): RedisLogin {
  const colon = login.indexOf(':')
  const [user, password] = colon === -1 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)]
  try {
    return { username: decodeURIComponent(user) || undefined, password: decodeURIComponent(password) || undefined }
  } catch {
    throw new InvalidValue('holds a `%` that starts no percent-encoding', ENCODE)
  }
}

function parseNodes(hosts: string, defaultPort: number): RedisNode[] {
  return hosts.split(',').map((host) => {
    const url = host.includes(':') && host.endsWith(':') ? null : URL.parse(`redis://${host}`)
    if (!url?.hostname) {
      throw new InvalidValue(
        'names a host or a port that is none',
        `Write hosts like redis.example.com:6379. ${ENCODE}`,
      )
    }
    return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port ? Number(url.port) : defaultPort }
  })
}
