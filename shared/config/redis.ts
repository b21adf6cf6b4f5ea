// Settings of the Redis that holds the queues.

import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { RedisAddress } from '#shared/redis/redis-options.ts'
import type { ConfigurationFault } from './configuration-error.ts'
import { isKeyOf, readCertificates, readPrivateKey } from './pem-files.ts'
import {
  checkRedisAddress,
  maskRedisAddress,
  type ParsedRedisAddress,
  parseRedisAddress,
  passwordOfRedisAddress,
} from './redis-address.ts'
import {
  defineGroup,
  type Environment,
  type GroupState,
  type Setting,
  type Settings,
  type ValuesOf,
} from './setting.ts'
import { line, path, valueSchema } from './value-schemas.ts'

const settings = {
  url: {
    name: 'REDIS_URL',
    schema: valueSchema(
      '`redis://user:password@host:port/database`; `redis+sentinel://user:password@host:port,host:port/master/database` of Sentinels; `redis+cluster://user:password@host:port,host:port` of a Cluster; each with `rediss` for TLS; or `unix:/path` of a socket',
      checkRedisAddress,
    ),
    description:
      'Address of the Redis (or compatible) server that holds the queues; all processes need the same one. User, password, ports and database may be left out.',
    example: 'redis://redis:6379/0',
    secret: true,
    mask: maskRedisAddress,
    whenUnset: 'an embedded Redis with its files in CVAT_BACKUP_STATE_DIR',
  },
  password: {
    name: 'REDIS_PASSWORD',
    schema: valueSchema('a password', (text) => text),
    description: 'Password of the Redis server; takes precedence over one in REDIS_URL.',
    secret: true,
    whenUnset: 'the password in REDIS_URL, if any',
  },
  sentinelUsername: {
    name: 'REDIS_SENTINEL_USERNAME',
    schema: line({ accepts: 'a user name', pattern: /^[^\r\n]+$/ }),
    description:
      'User for the Sentinels themselves, if they have users; the one in REDIS_URL is for the servers they watch.',
    example: 'sentinel-reader',
    whenUnset: 'the default user',
  },
  sentinelPassword: {
    name: 'REDIS_SENTINEL_PASSWORD',
    schema: valueSchema('a password', (text) => text),
    description: 'Password of the Sentinels themselves; REDIS_PASSWORD is for the servers they watch.',
    secret: true,
    whenUnset: 'none',
  },
  caFile: {
    name: 'REDIS_CA_FILE',
    schema: valueSchema('the path of a PEM file with one certificate or more', readCertificates),
    description: 'Certificates to trust besides the well-known ones, for a Redis with TLS behind a private authority.',
    example: '/etc/ssl/private-ca.pem',
    whenUnset: 'the authorities that Node.js trusts',
  },
  certFile: {
    name: 'REDIS_CERT_FILE',
    schema: valueSchema('the path of a PEM file with one certificate or more', readCertificates),
    description:
      'Certificate to show to a Redis that asks its clients for one, as Redis does with TLS unless it is told not to. Needs REDIS_KEY_FILE.',
    example: '/etc/ssl/cvat-backups.pem',
    whenUnset: 'none is shown',
  },
  keyFile: {
    name: 'REDIS_KEY_FILE',
    schema: valueSchema('the path of a PEM file with a private key without passphrase', readPrivateKey),
    description: 'Private key of REDIS_CERT_FILE.',
    example: '/etc/ssl/cvat-backups.key',
    whenUnset: 'none',
  },
  prefix: {
    name: 'CVAT_BACKUP_PREFIX',
    schema: line({ accepts: 'up to 100 characters without spaces', pattern: /^[\x21-\x7e]{1,100}$/ }),
    default: '{cvat-backups}',
    description:
      'Start of every key in Redis. Installations that share a Redis need different ones; the braces keep all keys on one node of a Cluster, which needs them.',
  },
  stateDir: {
    name: 'CVAT_BACKUP_STATE_DIR',
    schema: path(),
    default: { text: '$XDG_STATE_HOME/cvat-backups or ~/.local/state/cvat-backups', from: defaultStateDir },
    description: 'Folder where the embedded Redis keeps its files.',
    example: '/var/lib/cvat-backups',
  },
} as const satisfies Settings

export const redisSettings = defineGroup({
  title: 'Redis',
  settings,
  check: (state) => [...checkUrlIsSet(state), ...checkSentinelLogin(state), ...checkTls(state), ...checkPrefix(state)],
  derivedSecrets({ url }) {
    const password = url === undefined ? undefined : passwordOfRedisAddress(url)
    return password === undefined ? [] : [password]
  },
})

export type RedisSettings = ValuesOf<typeof settings>

/** Where to connect and with what; undefined asks for the embedded Redis. */
export function redisAddress(values: Omit<RedisSettings, 'prefix' | 'stateDir'>): RedisAddress | undefined {
  const { url, password, sentinelUsername, sentinelPassword, caFile, certFile, keyFile } = values
  if (url === undefined) return undefined
  return { url, password, sentinelUsername, sentinelPassword, ca: caFile?.pem, cert: certFile?.pem, key: keyFile?.pem }
}

type State = GroupState<typeof settings>

function checkUrlIsSet({ given }: State): ConfigurationFault[] {
  if (given.has('url')) return []
  const embedded = 'is set, but REDIS_URL is not: the embedded Redis takes none'
  return (['password', 'sentinelUsername', 'sentinelPassword', 'caFile', 'certFile', 'keyFile'] as const)
    .filter((key) => given.has(key))
    .map((key) => ({ ...nameOf(key), problem: embedded, fix: 'Set REDIS_URL too, or remove it' }))
}

function checkSentinelLogin({ values, given }: State): ConfigurationFault[] {
  const address = addressOf(values)
  const faults: ConfigurationFault[] = []
  if (address && address.kind !== 'sentinel') {
    const problem = 'is set, but REDIS_URL names no Sentinels'
    const fix = 'Write REDIS_URL like redis+sentinel://host1:26379,host2:26379/mymaster, or remove it'
    for (const key of ['sentinelUsername', 'sentinelPassword'] as const) {
      if (given.has(key)) faults.push({ ...nameOf(key), problem, fix })
    }
  } else if (given.has('sentinelUsername') && !given.has('sentinelPassword')) {
    const problem = 'is not set, but REDIS_SENTINEL_USERNAME is'
    faults.push({ name: 'REDIS_SENTINEL_PASSWORD', problem, fix: 'Set it or REDIS_SENTINEL_PASSWORD_FILE' })
  }
  return faults
}

function checkTls({ values, given }: State): ConfigurationFault[] {
  const address = addressOf(values)
  const faults: ConfigurationFault[] = []
  if (address && (address.kind === 'socket' || !address.tls)) {
    const problem = 'is set, but REDIS_URL asks for no TLS'
    const fix = 'Write REDIS_URL with rediss in place of redis, or remove it'
    for (const key of ['caFile', 'certFile', 'keyFile'] as const) {
      if (given.has(key)) faults.push({ ...nameOf(key), problem, fix })
    }
  }
  if (given.has('certFile') !== given.has('keyFile')) {
    const [missing, there] = given.has('certFile')
      ? [settings.keyFile.name, settings.certFile.name]
      : [settings.certFile.name, settings.keyFile.name]
    faults.push({ name: missing, problem: `is not set, but ${there} is`, fix: `Set both, or remove ${there}` })
  }
  const { certFile, keyFile } = values
  if (certFile && keyFile && !isKeyOf(keyFile, certFile)) {
    const problem = 'names a key that is not that of the certificate in REDIS_CERT_FILE'
    faults.push({ name: 'REDIS_KEY_FILE', value: keyFile.path, problem, fix: 'Name the key and certificate of a pair' })
  }
  return faults
}

/** A script may change keys of one hash slot only, and what decides on the slot is what stands in the first braces. */
function checkPrefix({ values }: State): ConfigurationFault[] {
  const { prefix } = values
  if (addressOf(values)?.kind !== 'cluster' || prefix === undefined || /^[^{]*\{[^}]+\}/.test(prefix)) return []
  const problem =
    'has no text in braces, but REDIS_URL names a Redis Cluster: the keys would lie on several nodes, and nothing could be changed together'
  const bare = prefix.replaceAll(/[{}]/g, '') || 'cvat-backups'
  return [{ name: 'CVAT_BACKUP_PREFIX', value: prefix, problem, fix: `Set it like CVAT_BACKUP_PREFIX={${bare}}` }]
}

function nameOf(key: keyof typeof settings): Pick<ConfigurationFault, 'name' | 'value'> {
  const setting: Setting = settings[key]
  return { name: setting.name, ...(setting.secret ? { value: '***' } : {}) }
}

/** Undefined while there is none or it is a fault of its own. */
function addressOf({ url }: State['values']): ParsedRedisAddress | undefined {
  return url === undefined ? undefined : parseRedisAddress(url)
}

/** By the XDG rules a relative XDG_STATE_HOME is to be ignored. */
function defaultStateDir(env: Environment): string {
  const stateHome = env.XDG_STATE_HOME
  if (stateHome && isAbsolute(stateHome)) return join(stateHome, 'cvat-backups')
  return join(env.HOME || homedir(), '.local', 'state', 'cvat-backups')
}
