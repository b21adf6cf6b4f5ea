// The producer's side of a queue: adds validated jobs.

import { type JobsOptions, Queue, type Telemetry } from 'bullmq'
import type { RedisClient } from '#shared/redis/connect-redis.ts'
import type { QueueDefinition } from './queue-definition.ts'

export interface QueueConnection {
  readonly redis: RedisClient
  /** Start of every key, with a hash tag so that one Redis Cluster slot holds them all. */
  readonly prefix: string
  /** Traces jobs from queue to queue; absent: nobody wants to know. */
  readonly telemetry?: Telemetry | undefined
}

export interface JobToAdd<Payload> {
  readonly name: string
  readonly payload: Payload
  /** Adding a job whose id is known already changes nothing: what makes adding safe to repeat. */
  readonly jobId?: string
  readonly options?: JobsOptions
}

export interface OpenQueue<Payload> {
  /** BullMQ's own queue, for reading states and counts. */
  readonly bull: Queue
  add(job: JobToAdd<Payload>): Promise<void>
  addAll(jobs: readonly JobToAdd<Payload>[]): Promise<void>
  /** Adds a job that must run: one of its id that has ended, well or badly, makes way; one that has not stays. */
  revive(job: JobToAdd<Payload> & { readonly jobId: string }): Promise<void>
  close(): Promise<void>
}

/** Opens a queue for adding jobs. Payloads are checked against the schema; a bad one is a defect and throws. */
export function openQueue<Payload>(
  definition: QueueDefinition<Payload>,
  connection: QueueConnection,
): OpenQueue<Payload> {
  const bull = new Queue(definition.name, {
    connection: connection.redis,
    prefix: connection.prefix,
    ...(connection.telemetry ? { telemetry: connection.telemetry } : {}),
    defaultJobOptions: definition.jobOptions,
  })
  // Whoever made the connection hears of its faults. Without a listener BullMQ prints the whole error, with the login that
  // ioredis had sent.
  bull.on('error', () => undefined)
  const toBull = (job: JobToAdd<Payload>) => ({
    name: job.name,
    data: definition.schema.parse(job.payload),
    opts: { ...job.options, ...(job.jobId === undefined ? {} : { jobId: job.jobId }) },
  })
  const add = async (job: JobToAdd<Payload>) => {
    const { name, data, opts } = toBull(job)
    await bull.add(name, data, opts)
  }
  return {
    bull,
    add,
    async addAll(jobs) {
      if (jobs.length > 0) await bull.addBulk(jobs.map(toBull))
    },
    async revive(job) {
      const state = await bull.getJobState(job.jobId)
      if (state === 'failed' || state === 'completed') await bull.remove(job.jobId)
      await add(job)
    },
    close: () => bull.close(),
  }
}
