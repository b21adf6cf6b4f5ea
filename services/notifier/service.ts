// The notifier: looks every minute, and whenever a run begins or ends, whether anything is wrong, and tells people. Of several
// exactly one looks at a time: the look is a job.

import type { Logger } from 'pino'
import { openLastRuns } from '#shared/coordination/last-runs.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError } from '#shared/errors/backup-error.ts'
import { checkCvat, checkDirectory } from '#shared/monitoring/checks.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { openProbe, type ProbeResult } from '#shared/monitoring/probe.ts'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import { LOOK, notificationsQueue, notifierKey } from '#shared/queues/notifications-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { consume } from '#shared/service/consume.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { openDirectoryProbe } from './assess-directory.ts'
import type { NotifierSettings } from './config.ts'
import { type LookDeps, look } from './look.ts'
import { defineNotifierMetrics } from './notifier-metrics.ts'
import { openChannels } from './open-channels.ts'
import { openStateKeeper } from './state-keeper.ts'

export interface NotifierDeps {
  readonly connection: QueueConnection
  readonly store: Store
  readonly cvat: Pick<CvatClient, 'getSelf'>
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  readonly settings: NotifierSettings
  /** CVAT_URL. */
  readonly serverUrl: string
  /** CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly lateAfterMs: number | undefined
  readonly timeZone: string
  /** How often it looks by itself; a minute unless told. */
  readonly everyMs?: number
}

export interface Notifier extends Service {
  /** Looks once, now, in this process. */
  look(signal: AbortSignal): Promise<string>
}

const EVERY_MS = 60_000
const CVAT_MS = 10_000
const REDIS_MS = 3_000
/** Refused logins are not tried again at once: it would look like an attack. */
const REFUSED_FRESH_MS = 5 * 60_000
const REFUSED = new Set(['login-failed', 'forbidden'])

export async function startNotifier(deps: NotifierDeps): Promise<Notifier> {
  const { connection, store, settings, everyMs = EVERY_MS, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'notifier' })
  const channels = openChannels(settings)
  const keeper = openStateKeeper({ store, connection, logger })
  const pingUrls = definedOnly({ p: settings.pingUrlP, a: settings.pingUrlA, t: settings.pingUrlT })
  const names = [...channels.map(({ name }) => name), ...(Object.keys(pingUrls).length > 0 ? ['ping'] : [])]
  const notifierMetrics = defineNotifierMetrics(metrics, names, keeper.find)
  const askRedis = openProbe({ ask: () => connection.redis.ping(), limitMs: REDIS_MS, freshMs: () => 0 })
  const lookDeps: LookDeps = {
    ...settings,
    ...{ keeper, channels, pingUrls, logger, metrics: notifierMetrics },
    protection: openProtectionTable(connection),
    lastRuns: openLastRuns(connection),
    ledger: openRunLedger(connection),
    askDirectory: openDirectoryProbe(store),
    askCvat: openProbe({
      ask: (signal) => deps.cvat.getSelf(signal),
      limitMs: CVAT_MS,
      freshMs: (result) =>
        !result.ok && result.error instanceof BackupError && REFUSED.has(result.error.code) ? REFUSED_FRESH_MS : 0,
    }),
    directory: store.directory,
    serverUrl: deps.serverUrl,
    lateAfterMs: deps.lateAfterMs,
    timeZone: deps.timeZone,
  }
  /** One after the other in this process too: two looks at once would both tell. */
  let last: Promise<unknown> = Promise.resolve()
  const lookInTurn = (redis: ProbeResult<unknown>, signal: AbortSignal): Promise<string> => {
    const mine = last.then(() => look(lookDeps, redis, signal))
    last = mine.catch(() => undefined)
    return mine
  }
  const queue = openQueue(notificationsQueue, connection)
  await queue.bull.setGlobalConcurrency(1)
  const consumer = consume({
    definition: notificationsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 1,
    handle: (_, { signal }) => lookInTurn({ ok: true, value: undefined }, signal),
  })

  const closing = new AbortController()
  let ticking: Promise<void> | undefined
  // A command that Redis does not answer waits for it, however long: nothing here may wait with it.
  const askForLook = openProbe({
    ask: async () => {
      await connection.redis.set(notifierKey(connection), '1', 'PX', 3 * everyMs)
      await queue.revive(LOOK)
    },
    limitMs: REDIS_MS,
    freshMs: () => 0,
  })
  const tick = async () => {
    const redis = await askForLook()
    // The job would never come. Each notifier looks by itself then: what they were told is in the backup directory.
    if (!redis.ok) await lookInTurn(redis, closing.signal)
  }
  const begin = () => {
    ticking ??= tick()
      .catch((err) => {
        if (!closing.signal.aborted) logger.error({ err }, 'it could not be looked whether anything is wrong')
      })
      .finally(() => {
        ticking = undefined
      })
  }
  const timer = setInterval(begin, everyMs)
  begin()
  logger.info({ channels: names, digest: settings.digest ?? 'off' }, 'notifier is ready')
  return {
    checks: [checkCvat(deps.cvat), checkDirectory(store)],
    look: async (signal) => lookInTurn(await askRedis(), signal),
    async close() {
      clearInterval(timer)
      closing.abort(new Error('the service stops'))
      notifierMetrics.stop()
      await consumer.close()
      await ticking
      await queue.close()
    },
  }
}

function definedOnly<Key extends string, Value>(
  values: Readonly<Record<Key, Value | undefined>>,
): Partial<Record<Key, Value>> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<Record<Key, Value>>
}
