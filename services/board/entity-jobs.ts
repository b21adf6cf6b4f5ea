// The jobs about one project or task that Redis still has: what became of each, and the lines that it logged.

import type { Job, JobType, Queue } from 'bullmq'
import type { RunLedger } from '#shared/coordination/run-ledger.ts'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import { backupQueueNames } from '#shared/queues/all-queues.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { describeName, shorten } from './describe-job.ts'

export interface EntityJob {
  readonly queue: string
  readonly id: string
  readonly name: string
  readonly state: string
  readonly addedAtMs: number
  readonly endedAtMs: number | undefined
  /** How often it was begun. */
  readonly attempts: number
  /** Why it failed, or what it said at its end. */
  readonly reason: string | undefined
  /** The last of those that it logged, oldest first. */
  readonly lines: readonly string[]
}

export interface EntityJobsDeps {
  readonly connection: QueueConnection
  readonly queues: ReadonlyMap<string, Queue>
  readonly ledger: Pick<RunLedger, 'recentIds'>
}

const JOBS_SHOWN = 15
const LINES_SHOWN = 30
/** Runs of which jobs are looked for: a question of some bytes for each, all at once. */
const RUNS_ASKED = 200
/** Of each of the other queues so many ids are looked through. */
const IDS_ASKED = 1_000
const states: JobType[] = ['active', 'waiting', 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed']

/**
 * The newest first.
 * @param seriesKeys of the entity (`project-6.backup`), as far as they are known
 * @param backupIds of its archives
 */
export function openEntityJobs({ connection, queues, ledger }: EntityJobsDeps) {
  const { redis } = connection

  async function findBackups(seriesKeys: ReadonlySet<string>, backupIds: readonly string[]): Promise<Found[]> {
    const runs = await ledger.recentIds(RUNS_ASKED)
    const ids = new Set([...runs.flatMap((runId) => [...seriesKeys].map((key) => `${runId}.${key}`)), ...backupIds])
    const asked = backupQueueNames.flatMap((name) => {
      const queue = queues.get(name)
      return queue ? [...ids].map((id) => ({ queue, id })) : []
    })
    const pipeline = redis.pipeline()
    for (const { queue, id } of asked) pipeline.exists(queue.toKey(id))
    const answers = (await pipeline.exec()) ?? []
    return asked.filter((_, index) => answers[index]?.[1] === 1)
  }

  /** Ids of these queues hold the entity. */
  async function findOthers(key: string): Promise<Found[]> {
    const isAbout: Readonly<Record<string, (id: string) => boolean>> = {
      verifications: (id) => id === `verify-${key}`,
      restores: (id) => id.endsWith(`.${key}`),
      changes: (id) => id.startsWith(`${key}.`),
    }
    const found = Object.entries(isAbout).map(async ([name, matches]) => {
      const queue = queues.get(name)
      const ids = (await queue?.getRanges(states, 0, IDS_ASKED - 1, false)) ?? []
      return queue ? ids.filter(matches).map((id) => ({ queue, id })) : []
    })
    return (await Promise.all(found)).flat()
  }

  return async (
    entity: EntityRef,
    seriesKeys: readonly string[],
    backupIds: readonly string[],
  ): Promise<EntityJob[]> => {
    const key = formatEntity(entity)
    const keys = new Set([...seriesKeys, `${key}.backup`, `${key}.workflow`])
    const found = [...(await findBackups(keys, backupIds)), ...(await findOthers(key))]
    const jobs = (await Promise.all(found.map(readJob))).filter((job) => job !== undefined)
    const newest = jobs.sort((a, b) => b.job.timestamp - a.job.timestamp).slice(0, JOBS_SHOWN)
    return Promise.all(newest.map(describe))
  }
}

interface Found {
  readonly queue: Queue
  readonly id: string
}

interface ReadJob extends Found {
  readonly job: Job
}

/** Undefined: it has gone meanwhile, or holds what is no job. */
async function readJob({ queue, id }: Found): Promise<ReadJob | undefined> {
  const job = await queue.getJob(id).catch(() => undefined)
  return job && isTime(job.timestamp) ? { queue, id, job } : undefined
}

async function describe({ queue, id, job }: ReadJob): Promise<EntityJob> {
  const { logs } = await queue.getJobLogs(id, -LINES_SHOWN, -1)
  const said = job.failedReason || job.returnvalue
  return {
    queue: queue.name,
    id,
    name: describeName(job.name, job.data),
    state: await queue.getJobState(id),
    addedAtMs: job.timestamp,
    endedAtMs: isTime(job.finishedOn) ? job.finishedOn : undefined,
    attempts: Number.isInteger(job.attemptsMade) ? job.attemptsMade : 0,
    reason: typeof said === 'string' && said !== '' ? String(shorten(said)) : undefined,
    lines: logs.map((line) => String(shorten(line))),
  }
}

/** Beyond 8.64e15 ms from 1970 there are no dates: ECMA-262, 21.4.1.1. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15
}
