// What a Redis that cannot be used says, and what to do about it.

import { BackupError } from '#shared/errors/backup-error.ts'

interface Explanation {
  readonly code: string
  readonly problem: string
  readonly hint: string
  /** Nothing that time heals: there is no use in trying on. */
  readonly isLasting: boolean
}

interface KnownError extends Explanation {
  readonly pattern: RegExp
}

const CERTIFICATE = {
  code: 'redis-certificate',
  isLasting: true,
} as const

const ADDRESS = { code: 'redis-address', isLasting: true } as const

/** The first that fits. The texts are those of Redis 6 to 8, Sentinel, ioredis 5 and OpenSSL. */
const known: readonly KnownError[] = [
  {
    pattern: /sentinel.*(NOAUTH|WRONGPASS|AUTH failed|without any password configured)/is,
    code: 'redis-login',
    problem: 'the Sentinels refuse the login',
    hint: 'Set REDIS_SENTINEL_PASSWORD (and REDIS_SENTINEL_USERNAME if they have users) to what the Sentinels ask for.',
    isLasting: true,
  },
  {
    pattern: /WRONGPASS|invalid password|invalid username-password/i,
    code: 'redis-login',
    problem: 'the user or the password is wrong',
    hint: 'Check the user in REDIS_URL, and REDIS_PASSWORD or the password in REDIS_URL.',
    isLasting: true,
  },
  {
    pattern: /NOAUTH|Authentication required/i,
    code: 'redis-login',
    problem: 'it asks for a password',
    hint: 'Set REDIS_PASSWORD (and a user in REDIS_URL if it has users: redis://user@host:6379).',
    isLasting: true,
  },
  {
    pattern: /NOPERM/,
    code: 'redis-login',
    problem: 'this user lacks a right',
    hint: 'docs/operations.md (Redis) shows the rights that the user of REDIS_URL needs.',
    isLasting: true,
  },
  {
    pattern: /self-signed certificate|unable to (verify|get)|CERT_UNTRUSTED|UNABLE_TO_/i,
    ...CERTIFICATE,
    problem: 'its certificate is of an authority that is not trusted',
    hint: "Set REDIS_CA_FILE to the authority's certificate.",
  },
  {
    pattern: /altname|does not match certificate/i,
    ...CERTIFICATE,
    problem: 'its certificate is for another name',
    hint: 'Use the name of the certificate in REDIS_URL. Sentinels and Clusters must announce such names too (docs/operations.md).',
  },
  {
    pattern: /certificate (has expired|is not yet valid)|CERT_HAS_EXPIRED/i,
    ...CERTIFICATE,
    problem: 'its certificate is not valid now',
    hint: 'Renew the certificate of the Redis server, and check the clocks.',
  },
  {
    pattern: /certificate required|handshake failure|bad certificate|unknown ca|sslv3 alert/i,
    ...CERTIFICATE,
    problem: 'it does not accept the certificate that it was shown, or was shown none',
    hint: 'Set REDIS_CERT_FILE and REDIS_KEY_FILE to a certificate that the server trusts, or let it ask for none (tls-auth-clients no).',
  },
  {
    pattern: /wrong version number|packet length too long|SSL routines/i,
    ...ADDRESS,
    problem: 'it does not speak TLS on this port',
    hint: 'Write REDIS_URL with redis in place of rediss, or use the port for TLS.',
  },
  {
    // A Redis without TLS closes the connection; so may a proxy or a network for other reasons.
    pattern: /before secure TLS connection was established/i,
    code: 'redis-unreachable',
    problem: 'it breaks off before TLS is established',
    hint: 'If it does not speak TLS on this port, write REDIS_URL with redis in place of rediss, or use the port for TLS.',
    isLasting: false,
  },
  {
    pattern: /cluster support disabled/i,
    ...ADDRESS,
    problem: 'it is no Redis Cluster',
    hint: 'Write REDIS_URL as redis://host:port (with TLS: rediss://host:port).',
  },
  {
    pattern: /redis_mode:cluster/,
    ...ADDRESS,
    problem: 'it is a node of a Redis Cluster',
    hint: 'Write REDIS_URL as redis+cluster://host1:port,host2:port (with TLS: rediss+cluster://…).',
  },
  {
    pattern: /redis_mode:sentinel/,
    ...ADDRESS,
    problem: 'it is a Sentinel, not a server that holds data',
    hint: 'Write REDIS_URL as redis+sentinel://host1:port,host2:port/mymaster (with TLS: rediss+sentinel://…).',
  },
  {
    pattern: /cluster_state:fail|CLUSTERDOWN/,
    code: 'redis-unreachable',
    problem: 'the Cluster does not serve all slots',
    hint: 'Bring its missing nodes back: `redis-cli cluster info` and `redis-cli cluster nodes` show them.',
    isLasting: false,
  },
  {
    pattern: /No such master|invalid reply: (null|undefined)/i,
    code: 'redis-unreachable',
    problem: 'the Sentinels know no master of this name',
    hint: 'Check the name behind the hosts in REDIS_URL: `redis-cli -p 26379 sentinel masters` lists those that are watched.',
    isLasting: false,
  },
]

const other: Explanation = {
  code: 'redis-unreachable',
  problem: 'it does not answer',
  hint: 'Check REDIS_URL and REDIS_PASSWORD, and that the Redis server runs and can be reached from here. REDIS_URL begins with rediss if it speaks TLS, and with redis if not.',
  isLasting: false,
}

/** Whether waiting longer is of no use. */
export function isLastingRedisError(error: unknown): boolean {
  return explain(error).isLasting
}

/**
 * @param shownAddress without its password
 * @param error the last that was seen. Not kept as the cause: ioredis puts the login that it sent into its errors.
 */
export function describeRedisError(shownAddress: string, error: unknown): BackupError {
  const { code, problem, hint, isLasting } = explain(error)
  const cause = error === undefined ? undefined : new Error(textOf(error))
  return new BackupError(`Redis at ${shownAddress} cannot be used: ${problem}`, {
    code,
    retryable: !isLasting,
    hint,
    cause,
  })
}

function explain(error: unknown): Explanation {
  const text = textOf(error)
  return known.find(({ pattern }) => pattern.test(text)) ?? other
}

/** With the code, the last error of a node of a Cluster, and all addresses that were tried. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, lastNodeError } = error as Error & { code?: unknown; lastNodeError?: unknown }
  const inner = [lastNodeError, ...(error instanceof AggregateError ? error.errors : [])]
  const texts = inner.filter((one) => one instanceof Error).map(textOf)
  return [error.message, typeof code === 'string' ? code : '', ...texts].filter(Boolean).join('; ')
}
