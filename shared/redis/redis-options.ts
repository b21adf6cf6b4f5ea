// From an address to the options of ioredis: commands wait for as long as it takes, over cut connections and fail-overs.

import tls from 'node:tls'
import type { ClusterOptions, RedisOptions } from 'ioredis'
import type { ParsedRedisAddress } from '#shared/config/redis-address.ts'

export interface RedisAddress {
  /** A server, Sentinels, a Cluster or a socket, as `parseRedisAddress` reads it. */
  readonly url: string
  /** Overrides a password inside the address. */
  readonly password?: string | undefined
  /** For the Sentinels themselves; what the address holds is for the servers. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
  /** Certificates of authorities to trust besides Node's, PEM. */
  readonly ca?: string | undefined
  /** Certificate and key to show to the server, PEM. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Where a Cluster is looked for first, and with what. */
export interface ClusterPlan {
  readonly nodes: { readonly host: string; readonly port: number }[]
  readonly options: ClusterOptions
}

/** Half a second after a try, a second, then every two. */
const waitMs = (attempt: number): number => Math.min(50 * 2 ** attempt, 2_000)

/**
 * Options for one server, or for the master that Sentinels name.
 * @param silentMs how long an answer may be awaited before the connection is taken for dead and made anew
 */
export function planConnection(
  address: RedisAddress,
  parsed: Exclude<ParsedRedisAddress, { kind: 'cluster' }>,
  silentMs: number,
): RedisOptions {
  const common = { ...commonOptions(silentMs), retryStrategy: waitMs, lazyConnect: true }
  if (parsed.kind === 'socket') return { ...common, path: parsed.path, ...login(address, {}) }
  const secure = parsed.tls ? secureContext(address) : undefined
  const withData = { ...common, ...login(address, parsed), ...(parsed.database > 0 ? { db: parsed.database } : {}) }
  if (parsed.kind === 'single') {
    const { host, port } = parsed.node
    return { ...withData, host, port, ...(secure ? { tls: { ...secure, ...serverName(host) } } : {}) }
  }
  return {
    ...withData,
    sentinels: [...parsed.nodes],
    name: parsed.master,
    sentinelRetryStrategy: waitMs,
    // One that hangs must not keep the others from being asked.
    sentinelCommandTimeout: 5_000,
    ...(address.sentinelUsername ? { sentinelUsername: address.sentinelUsername } : {}),
    ...(address.sentinelPassword ? { sentinelPassword: address.sentinelPassword } : {}),
    ...(secure ? { tls: secure, sentinelTLS: secure, enableTLSForSentinelMode: true } : {}),
  }
}

export function planCluster(
  address: RedisAddress,
  parsed: Extract<ParsedRedisAddress, { kind: 'cluster' }>,
  silentMs: number,
): ClusterPlan {
  const secure = parsed.tls ? secureContext(address) : undefined
  return {
    nodes: [...parsed.nodes],
    options: {
      lazyConnect: true,
      clusterRetryStrategy: waitMs,
      // A fail-over takes many tries; a command that gave up would be a lost one.
      maxRedirections: Number.MAX_SAFE_INTEGER,
      slotsRefreshTimeout: 5_000,
      redisOptions: { ...commonOptions(silentMs), ...login(address, parsed), ...(secure ? { tls: secure } : {}) },
      // Certificates are for names, and a name that was looked up would be an address.
      ...(secure ? { dnsLookup: (host, done) => done(null, host) } : {}),
    },
  }
}

function commonOptions(silentMs: number) {
  return {
    // Never gives up on a command: BullMQ wants that.
    maxRetriesPerRequest: null,
    // A server that lost its power sends no end of the connection, and the system would wait a quarter of an hour.
    socketTimeout: silentMs,
    // A master that has become a replica: connect anew, which leads to the new one, and send the command again.
    reconnectOnError: (error: Error) => (error.message.includes('READONLY') ? 2 : false),
  } satisfies RedisOptions
}

function login(address: RedisAddress, inside: { username?: string | undefined; password?: string | undefined }) {
  const password = address.password || inside.password
  return { ...(inside.username ? { username: inside.username } : {}), ...(password ? { password } : {}) }
}

export function secureContext({ ca, cert, key }: RedisAddress): tls.ConnectionOptions {
  const trusted = ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }
  // Made once: parsing the list of authorities costs milliseconds a connection.
  return { secureContext: tls.createSecureContext({ ...trusted, ...(cert && key ? { cert, key } : {}) }) }
}

/** Some proxies tell servers apart by this name; an IP address is none. */
export function serverName(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host }
}
