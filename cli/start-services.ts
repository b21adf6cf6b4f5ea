// All services in this process, over one Redis.

import type { Logger } from 'pino'
import { startDownloader } from '#services/downloader/service.ts'
import { startExporter } from '#services/exporter/service.ts'
import { hasChannel } from '#services/notifier/config.ts'
import { type Notifier, startNotifier } from '#services/notifier/service.ts'
import { openTarget } from '#services/restorer/open-target.ts'
import type { TargetServer } from '#services/restorer/restore-work.ts'
import { startRestorer } from '#services/restorer/service.ts'
import type { Schedule } from '#services/scheduler/read-crontab.ts'
import { startScheduler } from '#services/scheduler/service.ts'
import { startSweeper } from '#services/sweeper/service.ts'
import { chooseRestoreTarget } from '#shared/config/restore.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { openConfiguredClient } from '#shared/service/open-configured-client.ts'
import type { Service } from '#shared/service/service.ts'
import { openStore } from '#shared/store/open-store.ts'
import type { AllSettings } from './load-all-settings.ts'

export interface ServiceSurroundings {
  readonly connection: QueueConnection
  readonly cvat: CvatClient
  readonly logger: Logger
  /** Absent: only what is asked for runs. */
  readonly schedules?: readonly Schedule[]
  /** What restores go to; absent: none are taken. */
  readonly target?: TargetServer
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics
}

/** Closing stops all of them at once. What was started is closed when a later one fails. */
export async function startServices({ values }: AllSettings, surroundings: ServiceSurroundings): Promise<Service> {
  const store = openStore({ directory: values.store.backupDir })
  const started: Service[] = []
  const close = async () => {
    await Promise.all(started.map((service) => service.close()))
  }
  const common = { ...surroundings, store, serverUrl: values.cvat.url }
  try {
    const { driftMs, mediaOnce } = values.incremental
    started.push(await startDownloader({ ...common, ...values.downloader, driftMs, mediaOnce }))
    const { verifyPasses } = values.verification
    const isIncremental = values.incremental.strategy === 'incremental'
    const rules = { ...values.sweeper, ...values.clock }
    started.push(await startSweeper({ ...common, rules, verifyPasses, isIncremental }))
    started.push(await startExporter({ ...common, ...values.exporter }))
    const { scheduler } = values
    started.push(
      await startScheduler({
        ...common,
        monitoring: values.monitoring,
        filters: scheduler,
        incremental: values.incremental,
        annotations: scheduler,
        organization: values.cvat.organization,
        timeZone: values.clock.timeZone,
      }),
    )
    const { target } = surroundings
    if (target) started.push(await startRestorer({ ...common, ...values.restore, target }))
    return { checks: started.flatMap(({ checks = [] }) => checks), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Undefined where nobody is to be told of anything. */
export async function openNotifier(
  { values }: AllSettings,
  { connection, cvat, logger, metrics }: Omit<ServiceSurroundings, 'schedules' | 'target'>,
): Promise<Notifier | undefined> {
  if (!hasChannel(values.notifier)) return undefined
  return startNotifier({
    ...{ connection, cvat, logger, metrics, settings: values.notifier },
    store: openStore({ directory: values.store.backupDir }),
    serverUrl: values.cvat.url,
    lateAfterMs: values.monitoring.lateAfterMs,
    timeZone: values.clock.timeZone,
  })
}

/** Nothing is sent by it before a restore is asked for: the login for backups may well be read-only. */
export function openRestoreTarget({ values }: AllSettings, logger: Logger): TargetServer | undefined {
  const target = chooseRestoreTarget(values.restore, values.cvat)
  return target && openTarget(target, logger)
}

/** One client for all services of a process: one login, one pool of connections. */
export function openServicesClient({ values }: AllSettings, logger: Logger): CvatClient {
  return openConfiguredClient(values.cvat, logger, { bodyMs: values.downloader.stallTimeoutMs })
}
