// Settings of the Redis that holds the queues.

import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { RedisAddress } from '#shared/redis/connect-redis.ts'
import type { ConfigurationFault } from './configuration-error.ts'
import { checkRedisAddress, maskRedisAddress, passwordOfRedisAddress } from './redis-address.ts'
import { defineGroup, type Environment, type GroupState, type Settings, type ValuesOf } from './setting.ts'
import { line, path, valueSchema } from './value-schemas.ts'

const settings = {
  url: {
    name: 'REDIS_URL',
    schema: valueSchema(
      'an address of the form `redis://user:password@host:port/database`, with `rediss` for TLS, or `unix:/path` of a socket',
      checkRedisAddress,
    ),
    description: 'Address of the Redis (or compatible) server that holds the queues; all processes need the same one.',
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
  prefix: {
    name: 'CVAT_BACKUP_PREFIX',
    schema: line({ accepts: 'up to 100 characters without spaces', pattern: /^[\x21-\x7e]{1,100}$/ }),
    default: '{cvat-backups}',
    description:
      'Start of every key in Redis. Installations that share a Redis need different ones; the braces keep all keys on one node of a cluster.',
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
  check: checkPassword,
  derivedSecrets({ url }) {
    const password = url === undefined ? undefined : passwordOfRedisAddress(url)
    return password === undefined ? [] : [password]
  },
})

export type RedisSettings = ValuesOf<typeof settings>

/** Where to connect; undefined asks for the embedded Redis. The password, if given, overrides one inside the address. */
export function redisAddress({ url, password }: Pick<RedisSettings, 'url' | 'password'>): RedisAddress | undefined {
  return url === undefined ? undefined : { url, password }
}

function checkPassword({ given }: GroupState<typeof settings>): ConfigurationFault[] {
  if (!given.has('password') || given.has('url')) return []
  const problem = 'is set, but REDIS_URL is not: the embedded Redis takes no password'
  return [{ name: 'REDIS_PASSWORD', value: '***', problem, fix: 'Set REDIS_URL too, or remove it' }]
}

/** By the XDG rules a relative XDG_STATE_HOME is to be ignored. */
function defaultStateDir(env: Environment): string {
  const stateHome = env.XDG_STATE_HOME
  if (stateHome && isAbsolute(stateHome)) return join(stateHome, 'cvat-backups')
  return join(env.HOME || homedir(), '.local', 'state', 'cvat-backups')
}
