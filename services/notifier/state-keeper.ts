// Keeps what people were told in the backup directory, and a copy in Redis for when the directory cannot be used: either may be
// lost, and nobody is told twice for it.

import type { Logger } from 'pino'
import { describeError } from '#shared/errors/backup-error.ts'
import { openProbe } from '#shared/monitoring/probe.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type NotifierState, newState, notifierStateSchema } from './state.ts'

export interface StateKeeper {
  /** The newest that can be found; undefined where there is none at all. */
  find(): Promise<NotifierState | undefined>
  /** The same, or a new one. */
  read(now: Date): Promise<NotifierState>
  /** Gives what was kept, with its new revision. */
  save(state: NotifierState): Promise<NotifierState>
}

export interface KeeperDeps {
  readonly store: Pick<Store, 'readStatus' | 'writeStatus'>
  readonly connection: QueueConnection
  readonly logger: Pick<Logger, 'warn'>
}

/** A mount that hangs, and a Redis that is away, are not waited for. */
const FILE_MS = 10_000
const REDIS_MS = 2_000

export function openStateKeeper({ store, connection, logger }: KeeperDeps): StateKeeper {
  const key = `${connection.prefix}:notifications:state`
  let memory: NotifierState | undefined
  const readFile = openProbe({ ask: () => store.readStatus('notifications'), limitMs: FILE_MS, freshMs: () => 0 })
  const readRedis = openProbe({ ask: () => connection.redis.get(key), limitMs: REDIS_MS, freshMs: () => 0 })
  let toWrite: NotifierState | undefined
  const writeFile = openProbe({
    ask: () => store.writeStatus('notifications', toWrite!),
    limitMs: FILE_MS,
    freshMs: () => 0,
  })

  async function find(): Promise<NotifierState | undefined> {
    const [file, redis] = await Promise.all([readFile(), readRedis()])
    const candidates = [
      file.ok ? notifierStateSchema.safeParse(file.value).data : undefined,
      redis.ok ? parseText(redis.value) : undefined,
      memory,
    ]
    return candidates
      .filter((one) => one !== undefined)
      .sort((a, b) => b.revision - a.revision)
      .at(0)
  }

  return {
    find,
    read: async (now) => (await find()) ?? newState(now.getTime()),
    async save(state) {
      const saved = { ...state, revision: state.revision + 1 }
      memory = saved
      toWrite = saved
      const text = JSON.stringify(saved)
      const toRedis = openProbe({ ask: () => connection.redis.set(key, text), limitMs: REDIS_MS, freshMs: () => 0 })
      const [file] = await Promise.all([writeFile(), toRedis()])
      if (!file.ok) {
        logger.warn(
          { reason: describeError(file.error) },
          'what people were told cannot be noted in the backup directory',
        )
      }
      return saved
    },
  }
}

function parseText(text: string | null): NotifierState | undefined {
  try {
    return text === null ? undefined : notifierStateSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
