// The consumer's side of a queue: validated jobs, one place that decides between "again later", "failed for good" and
// "handed back because we stop".

import { DelayedError, type Job, WaitingError, Worker } from 'bullmq'
import type { Logger } from 'pino'
import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import { redactLike } from '#shared/logging/tee-lines.ts'
import type { JobMetrics } from '#shared/monitoring/job-metrics.ts'
import { openMetrics } from '#shared/monitoring/open-metrics.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import type { QueueDefinition } from '#shared/queues/queue-definition.ts'
import { countJob, failForGood } from './count-job.ts'
import { withJobLog } from './job-log.ts'
import { Postponed } from './postponed.ts'

export interface JobContext<Payload> {
  readonly jobId: string
  /** From 1; counts starts, so a job taken up again after a crash has a higher number. */
  readonly attempt: number
  /** Aborted when the service stops or the job's lock was lost to another worker. */
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Keeps changed data with the job, for whoever takes it up after a crash. */
  save(payload: Payload): Promise<void>
  /** Shown by the board and the command line. */
  progress(progress: object): Promise<void>
}

export interface Consumption<Payload> {
  readonly definition: QueueDefinition<Payload>
  readonly connection: QueueConnection
  readonly logger: Logger
  /** Absent: counted for nobody. */
  readonly metrics?: JobMetrics | undefined
  /** Jobs handled at once by this process. */
  readonly concurrency: number
  /** Does the work; may run twice and be killed anywhere. The answer is a short text for the board. Throws Postponed. */
  readonly handle: (payload: Payload, context: JobContext<Payload>) => Promise<string>
  /** Called once the job has failed for good, before it is marked so; may be called twice. */
  readonly giveUp?: (payload: Payload, error: unknown, jobId: string) => Promise<void>
}

export interface Consumer {
  /** Takes no further jobs; those being handled go on. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Aborts the handlers, hands their jobs back to the queue and closes the connections. */
  close(): Promise<void>
}

/** A worker whose process died is noticed after this time, and its job given to another (BullMQ's default). */
const LOCK_MS = 30_000
const STALLED_CHECK_MS = 10_000
/** A job whose worker died this often is taken for the killer and fails. */
const MAX_DEATHS = 25

export function consume<Payload>(options: Consumption<Payload>): Consumer {
  const { definition, connection, logger, metrics = openMetrics().jobs } = options
  metrics.open(definition.name)
  const stopping = new AbortController()

  const process = async (job: Job, token: string | undefined, lockSignal: AbortSignal | undefined) => {
    const log = withJobLog(logger.child({ queue: definition.name, job: job.id }), job)
    const signal = lockSignal ? AbortSignal.any([stopping.signal, lockSignal]) : stopping.signal
    const payload = parsePayload(definition, job)
    try {
      return await options.handle(payload, {
        jobId: String(job.id),
        attempt: job.attemptsStarted,
        signal,
        logger: log,
        save: (changed) => job.updateData(changed),
        progress: (progress) => job.updateProgress(progress),
      })
    } catch (error) {
      if (stopping.signal.aborted) {
        await job.moveToWait(token)
        log.info('handed back to the queue')
        throw new WaitingError()
      }
      // Another worker has the job now and will tell how it ends.
      if (lockSignal?.aborted) throw error
      if (error instanceof Postponed) {
        await job.moveToDelayed(Date.now() + error.delayMs, token)
        log.debug({ delayMs: error.delayMs, reason: error.message }, 'postponed')
        throw new DelayedError()
      }
      throw await explainFailure(options, job, error, log)
    }
  }

  const worker = new Worker(
    definition.name,
    // BullMQ hands the signal only to functions that declare three parameters.
    (job, token, signal) => {
      const lockSignal = signal as AbortSignal | undefined
      const hasLostLock = () => lockSignal?.aborted === true
      return countJob(definition.name, metrics, () => process(job, token, lockSignal), hasLostLock)
    },
    {
      connection: connection.redis,
      prefix: connection.prefix,
      ...(connection.telemetry ? { telemetry: connection.telemetry } : {}),
      concurrency: options.concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_DEATHS,
      drainDelay: 2,
    },
  )
  worker.on('error', (error) => logger.warn({ queue: definition.name, err: error }, 'queue connection'))
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const jobId of jobIds) worker.cancelJob(jobId, 'the job was given to another worker')
  })
  worker.on('failed', (job, error) => {
    // Given up by BullMQ itself, without the handler: its worker died too often.
    if (!job || !error.message.startsWith('job stalled')) return
    metrics.fail(definition.name, 'workers-died', false)
    const parsed = definition.schema.safeParse(job.data)
    if (!parsed.success) return
    const told = options.giveUp?.(parsed.data, error, String(job.id))
    void told?.catch((err) => logger.error({ err }, 'a failure could not be reported'))
  })
  return {
    pause: () => worker.pause(true),
    resume: () => worker.resume(),
    async close() {
      stopping.abort(new Error('the service stops'))
      await worker.close()
    },
  }
}

function parsePayload<Payload>(definition: QueueDefinition<Payload>, job: Job): Payload {
  const parsed = definition.schema.safeParse(job.data)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'payload'}: ${issue.message}`)
  const message = `refused: this job's data is not that of a ${definition.name} job (${fields.join('; ')})`
  throw failForGood(message, new BackupError(message, { code: 'bad-job', retryable: false }))
}

async function explainFailure<Payload>(
  options: Consumption<Payload>,
  job: Job,
  error: unknown,
  log: Logger,
): Promise<Error> {
  const retryable = !(error instanceof BackupError) || error.retryable
  const attemptsLeft = (job.opts.attempts ?? 1) - job.attemptsMade - 1
  const shown = withoutSecrets(error, log)
  const text = describeError(shown)
  if (retryable && attemptsLeft > 0) {
    log.warn({ err: error, attemptsLeft }, 'failed, will be tried again')
    return new Error(text, { cause: error })
  }
  log.error({ err: error }, 'failed')
  // The handler may have changed what the job carries.
  await options.giveUp?.(options.definition.schema.parse(job.data), shown, String(job.id))
  return failForGood(shown instanceof BackupError && shown.hint ? `${text} (${shown.hint})` : text, error)
}

/** The error itself, unless it holds a secret: what is told of it goes into jobs and records. */
function withoutSecrets(error: unknown, log: Logger): unknown {
  const text = describeError(error)
  const { code = 'unexpected', retryable = true, hint } = error instanceof BackupError ? error : {}
  const redacted = redactLike(log, text)
  const redactedHint = hint === undefined ? undefined : redactLike(log, hint)
  if (redacted === text && redactedHint === hint) return error
  return new BackupError(redacted, { code, retryable, hint: redactedHint })
}
