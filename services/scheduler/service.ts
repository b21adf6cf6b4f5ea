// The scheduler: starts runs, by the clock or on demand, and keeps their accounts to the end.

import type { Logger } from 'pino'
import { openChanges } from '#shared/coordination/changes.ts'
import { openClaims } from '#shared/coordination/claims.ts'
import { openExportSlots } from '#shared/coordination/export-slots.ts'
import { openLastRuns } from '#shared/coordination/last-runs.ts'
import { openRunLedger } from '#shared/coordination/run-ledger.ts'
import type { CvatClient } from '#shared/cvat/client.ts'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { checkCvat, checkDirectory } from '#shared/monitoring/checks.ts'
import { collectFreeBytes } from '#shared/monitoring/directory-metrics.ts'
import { openMetrics, type ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { openExcludedTable } from '#shared/protection/excluded-table.ts'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import { changesQueue } from '#shared/queues/changes-queue.ts'
import { downloadsQueue } from '#shared/queues/downloads-queue.ts'
import { drillsQueue } from '#shared/queues/drills-queue.ts'
import { exportsQueue } from '#shared/queues/exports-queue.ts'
import { LOOK, notificationsQueue, notifierKey } from '#shared/queues/notifications-queue.ts'
import { openQueue, type QueueConnection } from '#shared/queues/open-queue.ts'
import { outcomesQueue } from '#shared/queues/outcomes-queue.ts'
import { restoresQueue } from '#shared/queues/restores-queue.ts'
import { type RunPayload, runsQueue, type StartRun } from '#shared/queues/runs-queue.ts'
import { snapshotsQueue } from '#shared/queues/snapshots-queue.ts'
import { sweepsQueue } from '#shared/queues/sweeps-queue.ts'
import { verificationsQueue } from '#shared/queues/verifications-queue.ts'
import { workflowsQueue } from '#shared/queues/workflows-queue.ts'
import { consume, type JobContext } from '#shared/service/consume.ts'
import { makeRunId } from '#shared/service/make-run-id.ts'
import type { Service } from '#shared/service/service.ts'
import type { Store } from '#shared/store/open-store.ts'
import { endRun, endUnrecorded, type OnEnded } from './end-run.ts'
import { guardSchedules } from './guard-schedules.ts'
import { isWatchKept, keepSchedules } from './keep-schedules.ts'
import { collectProtection, type ProtectionMetricsSettings } from './protection-metrics.ts'
import { collectQueues } from './queue-metrics.ts'
import type { Schedule } from './read-crontab.ts'
import { defineRunMetrics, endedRunOf } from './run-metrics.ts'
import { type StartRunDeps, startRun } from './start-run.ts'
import { takeChange, takeOverdue } from './take-changes.ts'
import { takeOutcome } from './take-outcome.ts'
import { watchRuns } from './watch-runs.ts'

export interface SchedulerDeps
  extends Pick<StartRunDeps, 'filters' | 'annotations' | 'organization' | 'serverUrl' | 'incremental'> {
  readonly connection: QueueConnection
  readonly cvat: CvatClient
  readonly store: Store
  readonly logger: Logger
  /** Absent: nothing runs by the clock, only what is asked for. */
  readonly schedules?: readonly Schedule[] | undefined
  readonly timeZone: string
  /** Absent: counted for nobody. */
  readonly metrics?: ProcessMetrics | undefined
  /** CVAT_BACKUP_METRICS_ENTITIES and CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly monitoring?: ProtectionMetricsSettings | undefined
}

export async function startScheduler(deps: SchedulerDeps): Promise<Service> {
  const { connection, store, metrics = openMetrics() } = deps
  const logger = deps.logger.child({ service: 'scheduler' })
  const ledger = openRunLedger(connection)
  const claims = openClaims(connection)
  const protection = openProtectionTable(connection)
  const excluded = openExcludedTable(connection)
  const lastRuns = openLastRuns(connection)
  const changes = openChanges(connection)
  const runs = openQueue(runsQueue, connection)
  const exports = openQueue(exportsQueue, connection)
  const downloads = openQueue(downloadsQueue, connection)
  const workflows = openQueue(workflowsQueue, connection)
  const snapshots = openQueue(snapshotsQueue, connection)
  const sweeps = openQueue(sweepsQueue, connection)
  const verifications = openQueue(verificationsQueue, connection)
  const drills = openQueue(drillsQueue, connection)
  const restores = openQueue(restoresQueue, connection)
  const outcomes = openQueue(outcomesQueue, connection)
  const changed = openQueue(changesQueue, connection)
  const notifications = openQueue(notificationsQueue, connection)
  const { schedules, timeZone } = deps
  // Who runs only what is asked for takes the schedules away that `serve` has left: nobody asked for those runs.
  const keep = async () => {
    await protection.noteSchedules((schedules ?? []).filter(isBackup), timeZone)
    await keepSchedules(schedules ?? [], { runs, sweeps, verifications, drills, timeZone })
  }
  await keep()
  const guard = guardSchedules({ redis: connection.redis, isKept: () => isWatchKept(runs), keep, logger })

  const { monitoring = { entities: 0, lateAfterMs: undefined } } = deps
  collectFreeBytes(metrics, store)
  const runMetrics = defineRunMetrics(metrics, lastRuns)
  const queues = [
    runs,
    exports,
    downloads,
    snapshots,
    workflows,
    sweeps,
    verifications,
    drills,
    restores,
    outcomes,
    changed,
    notifications,
  ]
  const collecting = [
    runMetrics.stop,
    collectQueues(metrics, { queues, exports, slots: openExportSlots(connection) }),
    collectProtection(metrics, protection, monitoring),
  ]
  const onEnded: OnEnded = async (summary, { isWhole, isFirst }) => {
    if (isFirst) runMetrics.ended(summary.mode, summary.ok)
    if (isWhole) await lastRuns.noteEnded(endedRunOf(summary))
    await wakeNotifier()
  }

  /** It looks by itself too, only later. */
  const wakeNotifier = async () => {
    if ((await connection.redis.exists(notifierKey(connection))) === 1) await notifications.revive(LOOK)
  }

  const handleRun = async (payload: RunPayload, context: JobContext<RunPayload>): Promise<string> => {
    if (payload.do === 'watch-runs') {
      await takeOverdue({ changes, runs })
      const watchDeps = { ledger, claims, protection, runs, exports, downloads, workflows, snapshots, outcomes, logger }
      return watchRuns(watchDeps, context.signal)
    }
    if (payload.do === 'end-run') return endRun(payload.runId, { ledger, store, onEnded }, context.logger)
    return handleStart(payload, context)
  }

  const handleStart = async (payload: StartRun, context: JobContext<RunPayload>): Promise<string> => {
    const runId = payload.runId ?? makeRunId(payload.mode, new Date(), context.jobId)
    // Kept before anything else: whoever takes the job up after a crash goes on with the same run.
    if (payload.runId === undefined) await context.save({ ...payload, runId })
    const runContext = { ...context, logger: context.logger.child({ run: runId }) }
    const answer = await startRun(runId, payload, runContext, {
      ...deps,
      ledger,
      exports,
      workflows,
      snapshots,
      outcomes,
      protection,
      excluded,
      lastRuns: {
        async noteStarted(mode, startedAtMs) {
          await lastRuns.noteStarted(mode, startedAtMs)
          await wakeNotifier()
        },
      },
    })
    await endIfOver(runId)
    return answer
  }

  const endIfOver = async (runId: string) => {
    if ((await ledger.countPending(runId)) > 0) return
    await runs.add({ name: `end ${runId}`, payload: { do: 'end-run', runId } })
  }

  const runConsumer = consume({
    definition: runsQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 4,
    handle: handleRun,
    giveUp: async (payload, error, jobId) => {
      if (payload.do === 'end-run') return endUnrecorded(payload.runId, { ledger, onEnded }, error, logger)
      if (payload.do !== 'start-run') return
      // The run may have failed before its account was opened: without one nobody would hear of it.
      const runId = payload.runId ?? makeRunId(payload.mode, new Date(), jobId)
      await ledger.open({ ...payload, isWhole: !payload.entities, runId, jobId })
      await ledger.endListing(runId, explain(error))
      await endIfOver(runId)
    },
  })
  const changeConsumer = consume({
    definition: changesQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 4,
    handle: (payload, context) => takeChange(payload, context, { changes, queue: changed, runs, cvat: deps.cvat }),
  })
  const outcomeConsumer = consume({
    definition: outcomesQueue,
    connection,
    logger,
    metrics: metrics.jobs,
    concurrency: 8,
    handle: async (outcome, context) => {
      const ended = await takeOutcome(outcome, context, { ...deps, ledger, exports, workflows, snapshots, protection })
      for (const runId of ended) await runs.add({ name: `end ${runId}`, payload: { do: 'end-run', runId } })
      return outcome.result
    },
  })
  logger.info({ schedules: deps.schedules?.length ?? 0, timeZone: deps.timeZone }, 'scheduler is ready')
  return {
    checks: [checkCvat(deps.cvat), checkDirectory(store)],
    async close() {
      guard.close()
      for (const stop of collecting) stop()
      await Promise.all([runConsumer.close(), outcomeConsumer.close(), changeConsumer.close()])
      await Promise.all(queues.map((queue) => queue.close()))
    },
  }
}

function isBackup(schedule: Schedule): schedule is Schedule & { readonly what: 'backup' } {
  return schedule.what === 'backup'
}

function explain(error: unknown): string {
  const hint = error instanceof BackupError ? error.hint : undefined
  return hint ? `${describeError(error)}. ${hint}` : describeError(error)
}
