// What pages and API show: read from Redis and from the backup directory, which the board never writes to.

import type { Queue } from 'bullmq'
import { openRunLedger, type RunAccount } from '#shared/coordination/run-ledger.ts'
import { type RunSummary, summarise } from '#shared/coordination/summarise-run.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { formatSeries } from '#shared/model/series.ts'
import { type OverviewRow, openOverview, type Snapshot } from '#shared/overview/open-overview.ts'
import { describeGrowth, type Growth } from '#shared/overview/store-growth.ts'
import { openStoredEntities } from '#shared/overview/stored-entities.ts'
import { openExcludedTable } from '#shared/protection/excluded-table.ts'
import { openProtectionTable } from '#shared/protection/protection-table.ts'
import { backupQueueNames } from '#shared/queues/all-queues.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { listServedTargets } from '#shared/restores/announce-target.ts'
import { collectHistory, type History } from '#shared/retention/collect-history.ts'
import type { RetentionRules } from '#shared/retention/plan-retention.ts'
import type { Store } from '#shared/store/open-store.ts'
import { type EntityJob, openEntityJobs } from './entity-jobs.ts'
import { readDirectory } from './read-directory.ts'

export interface DataDeps {
  readonly connection: QueueConnection
  readonly store: Store
  readonly rules: RetentionRules
  /** Whether snapshots are being made, as for a sweep. */
  readonly isIncremental?: boolean | undefined
  /** CVAT_BACKUP_LATE_AFTER_HOURS. */
  readonly lateAfterMs: number | undefined
  readonly queues: ReadonlyMap<string, Queue>
  readonly now: () => number
}

/** A job that handles part of a run now. */
export interface ActiveJob {
  readonly name: string
  readonly phase: string
  /** Of the file, where that is known. */
  readonly receivedBytes: number | undefined
  readonly totalBytes: number | undefined
}

export interface RunProgress {
  readonly account: RunAccount
  readonly waiting: number
  readonly active: readonly ActiveJob[]
}

/** Of a restore's job. */
export interface RestoreProgress {
  readonly phase: string
  /** Of the upload. */
  readonly sentBytes: number | undefined
  readonly totalBytes: number | undefined
}

export interface ListedRun {
  readonly summary: RunSummary
  /** Undefined where only the backup directory knows it. */
  readonly progress: RunProgress | undefined
}

export type BoardData = ReturnType<typeof openBoardData>

const RUNS_SHOWN = 50
const ACTIVE_SHOWN = 5
/** Older ones have no job any more. */
const ARCHIVES_ASKED = 50

export function openBoardData(deps: DataDeps) {
  const { connection, store, rules, isIncremental, now, queues } = deps
  const ledger = openRunLedger(connection)
  const stored = openStoredEntities(store, now)
  const reader = readDirectory(stored, now)
  const findJobs = openEntityJobs({ connection, queues, ledger })
  const overview = openOverview({
    protection: openProtectionTable(connection),
    excluded: openExcludedTable(connection),
    stored,
    lateAfterMs: deps.lateAfterMs,
    now,
  })

  async function listActive(runId: string): Promise<ActiveJob[]> {
    const jobs = await Promise.all(backupQueueNames.map((name) => queues.get(name)?.getActive(0, 20) ?? []))
    return jobs
      .flat()
      .filter((job) => job !== undefined && (job.data as { runId?: unknown }).runId === runId)
      .slice(0, ACTIVE_SHOWN)
      .map(({ name, progress }) => {
        const { phase, number } = readPhase(progress)
        return {
          name: String(name).slice(0, 300),
          phase: phase ?? 'waiting for the server',
          receivedBytes: number('receivedBytes'),
          totalBytes: number('totalBytes'),
        }
      })
  }

  return {
    store,
    rules,
    ledger,
    /** The whole picture, at most some seconds old. */
    look(): Promise<Snapshot> {
      reader.wake()
      return overview.look()
    },
    /** Reads one folder now, for whoever looks at it or has changed it. */
    async refresh(entity: EntityRef): Promise<void> {
      const before = JSON.stringify(stored.of(entity))
      await stored.readOne(entity)
      if (JSON.stringify(stored.of(entity)) !== before) overview.forget()
    },
    /** The queue that has a job of this id (still). */
    async findQueueOf(jobId: string): Promise<string | undefined> {
      for (const name of backupQueueNames) {
        if (((await queues.get(name)?.getJobState(jobId)) ?? 'unknown') !== 'unknown') return name
      }
      return undefined
    },
    /** All servers' rows of one entity. */
    async findRows(entity: EntityRef): Promise<OverviewRow[]> {
      const key = formatEntity(entity)
      return (await this.look()).rows.filter((row) => row.key === key)
    },
    /** @throws BackupError when its folder cannot be read */
    readHistory: (entity: EntityRef): Promise<History> =>
      collectHistory(entity, store, rules, new Date(now()), isIncremental),
    /** What Redis still has of jobs about it, the newest first. @param history where it was read already */
    async listJobs(entity: EntityRef, rows: readonly OverviewRow[], history?: History): Promise<EntityJob[]> {
      const records = history
        ? history.servers.flatMap(({ archives }) => archives.map(({ archive }) => archive.record))
        : []
      const keys = [
        ...rows.flatMap(({ seriesKeys }) => seriesKeys),
        ...records.map(({ series }) => formatSeries(series)),
      ]
      const backupIds = records.filter(({ origin }) => origin.adoptedFrom === undefined)
      return findJobs(
        entity,
        keys,
        backupIds.slice(0, ARCHIVES_ASKED).map(({ origin }) => origin.backupId),
      )
    },
    async readGrowth(): Promise<Growth> {
      return describeGrowth(stored.bytesByDay(), await store.findFreeBytes(), now())
    },
    /** The newest first, from Redis, and from the directory what Redis no longer has. */
    async listRuns(): Promise<ListedRun[]> {
      const accounts = await ledger.recent(RUNS_SHOWN)
      const known = new Set(accounts.map(({ runId }) => runId))
      // A directory that cannot be read hides no run that Redis knows.
      const records = await store.readRunRecords({ limit: RUNS_SHOWN }).catch(() => [])
      const older = records
        .filter(({ runId }) => !known.has(runId))
        .map((record) => ({ summary: record as unknown as RunSummary, progress: undefined }))
      const newer = await Promise.all(
        accounts.map(async (account) => ({
          summary: await summarise(account, withoutRows),
          progress: { account, waiting: 0, active: [] },
        })),
      )
      return [...newer, ...older]
        .sort((a, b) => (a.summary.startedAt < b.summary.startedAt ? 1 : -1))
        .slice(0, RUNS_SHOWN)
    },
    /** With failures and notes. Undefined: nobody knows of such a run. */
    async readRun(runId: string): Promise<ListedRun | undefined> {
      const account = await ledger.read(runId)
      if (!account) {
        const records = await store.readRunRecords({ limit: 5_000 }).catch(() => [])
        const record = records.find((one) => one.runId === runId)
        return record && { summary: record as unknown as RunSummary, progress: undefined }
      }
      return { summary: await summarise(account, ledger), progress: await this.readProgress(runId) }
    },
    /** The same without failures and notes, for whoever follows it. */
    async readNumbers(runId: string): Promise<ListedRun | undefined> {
      const progress = await this.readProgress(runId)
      return progress && { summary: await summarise(progress.account, withoutRows), progress }
    },
    async readProgress(runId: string): Promise<RunProgress | undefined> {
      const account = await ledger.read(runId)
      if (!account) return undefined
      const isOver = account.state === 'ended' || account.state === 'interrupted'
      const active = isOver ? [] : await listActive(runId)
      return { account, waiting: await ledger.countPending(runId), active }
    },
    /** Of the step that is under way; undefined while no restorer has taken it up, and when the job is gone. */
    async readRestoreProgress(restoreId: string, entity: EntityRef): Promise<RestoreProgress | undefined> {
      const job = await queues.get('restores')?.getJob(`${restoreId}.${formatEntity(entity)}`)
      const told = readPhase(job?.progress)
      return told.phase === undefined
        ? undefined
        : { phase: told.phase, sentBytes: told.number('sentBytes'), totalBytes: told.number('totalBytes') }
    },
    listTargets: () => listServedTargets(connection),
    close: () => reader.close(),
  }
}

/** What lies in Redis is not trusted. */
function readPhase(progress: unknown) {
  const told = (typeof progress === 'object' && progress !== null ? progress : {}) as Record<string, unknown>
  return {
    phase: typeof told.phase === 'string' ? told.phase.slice(0, 100) : undefined,
    number(name: string): number | undefined {
      const value = told[name]
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
    },
  }
}

/** A list shows no failures. */
const withoutRows = {
  async *failures() {},
  async *notes() {},
}
