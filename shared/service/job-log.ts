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

/** `2026-11-23T00:04:33.123Z WARN failed, will be tried again: the server is away (attemptsLeft 2)`. */
export function formatRecord(record: LogRecord): string {
  const fields = Object.entries(record).filter(([key, value]) => !TOLD.has(key) && value !== null)
  const shown = fields.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const message = [record.msg, ...describeCauses(record.err)].join(': ')
  const more = shown.length > 0 ? ` (${shown.join(', ')})` : ''
  const line = `${record.time} ${String(record.level).toUpperCase()} ${message}${more}`.replaceAll(/\s+/g, ' ')
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH - 1)}…` : line
}

/** The messages of an error and its causes, and what an operator can do about it. */
function describeCauses(error: unknown): string[] {
  if (typeof error !== 'object' || error === null) return []
  const { message, hint, cause } = error as Record<string, unknown>
  const own = [message, hint].filter((text) => typeof text === 'string' && text !== '') as string[]
  return [...own, ...describeCauses(cause)]
}
