// A queue as Bull Board sees it. What lies in Redis is not trusted: one job that cannot be read must not hide the others.

import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { QueueAdapterOptions } from '@bull-board/api/typings/app'
import type { Job, Queue } from 'bullmq'
import type { allQueues } from '#shared/queues/all-queues.ts'
import { describeData, describeName, describeProgress, linkToCvat, shorten } from './describe-job.ts'

type Statuses = Parameters<BullMQAdapter['getJobs']>[0]
type BoardJob = Awaited<ReturnType<BullMQAdapter['getJobs']>>[number]
/** What Bull Board reads of it; its adapter's type is all of BullMQ's class. */
type JobJson = Parameters<NonNullable<QueueAdapterOptions['externalJobUrl']>>[0]

const DESCRIPTIONS: Readonly<Record<keyof typeof allQueues, string>> = {
  runs: 'Starts runs, by the schedule or on demand, and ends them.',
  exports: 'Asks CVAT for one export each and waits until its file can be downloaded.',
  downloads: 'Brings one exported file each into the backup directory, verified.',
  snapshots:
    'Backs up one project as a snapshot each: waits until its changed tasks are stored, then writes down what it is made of.',
  workflows: 'Notes stages, assignees and issues where nothing else changed, without an export.',
  restores: 'Makes one project or task anew from its archive, and compares what came of it.',
  drills: 'Restores some archives as a test, compares, and removes them again.',
  sweeps: 'Applies the retention rules to the archives of one project or task, or of all.',
  verifications: 'Reads stored archives again.',
  outcomes: 'Counts how each backup ended.',
  changes: 'What CVAT has told of: each is backed up once it has been quiet for a while.',
  notifications: 'Looks whether anything is wrong, and tells people.',
}

export class BoardQueue extends BullMQAdapter {
  readonly #queue: Queue

  constructor(queue: Queue, { readOnly }: { readonly readOnly: boolean }) {
    super(queue, {
      readOnlyMode: readOnly,
      description: DESCRIPTIONS[queue.name as keyof typeof allQueues],
      externalJobUrl: ({ data }) => linkToCvat(data) as { href: string },
    })
    this.#queue = queue
    this.setFormatter('name', ({ name, data }) => describeName(name, data))
    this.setFormatter('data', describeData)
    this.setFormatter('progress', describeProgress as (progress: unknown) => string)
    this.setFormatter('returnValue', (value) => shorten(value))
  }

  override async getJob(id: string): Promise<BoardJob | undefined> {
    try {
      const job = await this.#queue.getJob(id)
      return job && tolerant(job)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return unreadable(this.#queue, id)
    }
  }

  override async getJobs(statuses: Statuses, start?: number, end?: number): Promise<BoardJob[]> {
    const ids = await this.#queue.getRanges(statuses as Parameters<Queue['getRanges']>[0], start, end, false)
    const jobs = await Promise.all(ids.map((id) => this.getJob(id)))
    return jobs.filter((job) => job !== undefined)
  }
}

/** Fields of the right type whatever they hold in Redis, and retries that begin anew. */
function tolerant(job: Job): BoardJob {
  const plain = job.toJSON.bind(job)
  const retry = job.retry.bind(job)
  return Object.assign(job, {
    // A person has mended the cause: the job has as many attempts as at first, so that a hiccup does not end it again.
    retry: (state?: 'completed' | 'failed') => retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true }),
    toJSON: () => sound(plain() as unknown as JobJson),
  }) as unknown as BoardJob
}

function sound(json: JobJson): JobJson {
  return {
    ...json,
    name: String(json.name ?? ''),
    timestamp: timeOf(json.timestamp) ?? 0,
    processedOn: timeOf(json.processedOn) ?? null,
    finishedOn: timeOf(json.finishedOn) ?? null,
    attemptsMade: Number.isFinite(json.attemptsMade) ? json.attemptsMade : 0,
    delay: Number.isFinite(json.delay) ? json.delay! : 0,
    failedReason: json.failedReason ? String(shorten(json.failedReason)) : (json.failedReason ?? ''),
    stacktrace: Array.isArray(json.stacktrace) ? json.stacktrace.slice(-10).map(reasonOf) : [],
    opts: typeof json.opts === 'object' && json.opts !== null ? shorten(json.opts) : {},
  }
}

/** The frames are always those of our consumer, which says in words why a handler failed; the log has the rest. */
function reasonOf(stack: unknown): string {
  const lines = String(shorten(stack)).split('\n')
  const words = lines.filter((line) => !/^\s+at /.test(line)).join('\n')
  return words.replace(/^(?:Unrecoverable)?Error: /, '')
}

/** Beyond 8.64e15 ms from 1970 there are no dates: ECMA-262, 21.4.1.1. */
function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15 ? value : undefined
}

/** JSON that is none; everything else is a fault of ours or of Redis. */
function isUnreadable(error: unknown): boolean {
  return error instanceof SyntaxError || error instanceof TypeError
}

/** Stands for a job of which no more than the id can be read; it can be removed. */
function unreadable(queue: Queue, id: string): BoardJob {
  const refuse = () => Promise.reject(new Error('this job cannot be read, so it can only be removed'))
  const job = {
    opts: {},
    promote: refuse,
    retry: refuse,
    async remove() {
      await queue.remove(id)
    },
    getState: () => queue.getJobState(id),
    toJSON: (): JobJson => ({
      id,
      name: 'a job that cannot be read',
      progress: 0,
      attemptsMade: 0,
      timestamp: 0,
      failedReason: '',
      stacktrace: [],
      data: { problem: 'what Redis holds for this job is not a job: remove it' },
      returnvalue: null,
      opts: {},
    }),
  }
  return job as unknown as BoardJob
}
