// What a handler logs, kept with its job as well: the lines that the board shows.

import type { Job } from 'bullmq'
import type { Logger } from 'pino'
import { type LogRecord, teeLines } from '#shared/logging/tee-lines.ts'

/** Lines kept with one job, the newest. Bounds Redis' memory where a job is tried for days. */
const LINES_KEPT = 200
const MAX_LINE_LENGTH = 2_000

/** Fields that are the same in every line of a job, or told by its line already. */
const TOLD = new Set([
  'level',
  'time',
  'msg',
  'service',
  'pid',
  'queue',
  'job',
  'run',
  'entity',
  'content',
  'name',
  'err',
])

/** A logger for the handler of this job. A line that could not be kept with the job is in the log all the same. */
export function withJobLog(logger: Logger, job: Pick<Job, 'log' | 'opts'>): Logger {
  // Jobs of earlier versions were added without a limit of their own.
  job.opts = { ...job.opts, keepLogs: LINES_KEPT }
  return teeLines(logger, (record) => {
    job.log(formatRecord(record)).catch(() => undefined)
  })
}

/** `2026-11-23T00:04:33.123Z WARN failed, will be tried again: the server is away. Hint: wait for it (attemptsLeft 2)`. */
export function formatRecord(record: LogRecord): string {
  const fields = Object.entries(record).filter(([key, value]) => !TOLD.has(key) && value !== null)
  const shown = fields.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const causes = causesOf(record.err)
  const message = [record.msg, ...causes.flatMap(({ message }) => message ?? [])].join(': ')
  const hint = causes.find((cause) => cause.hint)?.hint
  const more = `${hint ? `. Hint: ${hint}` : ''}${shown.length > 0 ? ` (${shown.join(', ')})` : ''}`
  const line = `${record.time} ${String(record.level).toUpperCase()} ${message}${more}`.replaceAll(/\s+/g, ' ')
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH - 1)}…` : line
}

interface Cause {
  readonly message?: string
  readonly hint?: string
  readonly cause?: unknown
}

/** An error as the log has it, and its causes. */
function causesOf(error: unknown): Cause[] {
  if (typeof error !== 'object' || error === null) return []
  return [error as Cause, ...causesOf((error as Cause).cause)]
}
