// The log of every process: JSON lines for machines or a readable form for people, without secrets in either.

import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, destination as openDestination, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { type EntityRef, formatEntity } from '#shared/model/entity.ts'
import type { LogFormat, LogLevel } from './level.ts'
import { redactLine } from './redact-line.ts'
import { createSecretMask } from './secret-mask.ts'
import { serializeError } from './serialize-error.ts'
import type { RedactingStream } from './tee-lines.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: LogLevel
  /** `auto` is `pretty` when the destination is a terminal. */
  readonly format: LogFormat
  /** Name of the process; the field `service` of every line. */
  readonly service: string
  /** File descriptor, or anything that takes lines; standard output by default. */
  readonly destination?: number | (DestinationStream & { readonly isTTY?: boolean | undefined })
  /** Values that must never appear, in any encoding of a URL, JSON or Basic login; {@link LoadedSettings.secrets}. */
  readonly secrets?: Iterable<string>
}

/** What a line is about; each becomes a field of its own. */
export interface LogContext {
  readonly run?: string | undefined
  readonly entity?: EntityRef | undefined
  readonly job?: string | undefined
}

/**
 * A pino logger that writes synchronously: when a process ends, even by `process.exit`, nothing is lost. Every line goes
 * through the redaction, those of child loggers as well.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, format, service, destination = 1, secrets = [] } = options
  const mask = createSecretMask(secrets)
  const isTerminal = typeof destination === 'number' ? isatty(destination) : destination.isTTY === true
  const output = typeof destination === 'number' ? openDestination({ fd: destination, sync: true }) : destination
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const prettify = isPretty ? createPrettifier(isTerminal) : (line: string) => line
  const redact = (line: string) => redactLine(line, mask)
  const stream: RedactingStream = { redact, write: (line) => void output.write(prettify(redact(line))) }
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      // Deep enough for an error with all the causes that are kept.
      depthLimit: 12,
      serializers: { err: serializeIfError },
      formatters: { level: (label) => ({ level: label }), log: serializeErrors },
    },
    stream,
  )
}

/** A child logger whose lines name what they are about: `run`, `entity` (as `project-6`) and `job`. */
export function withContext(logger: Logger, { run, entity, job }: LogContext): Logger {
  const fields = { run, entity: entity && formatEntity(entity), job }
  return logger.child(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
}

/** Errors lose everything but their name when they are written as JSON, under whatever field they stand. */
function serializeErrors(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, serializeIfError(value)]))
}

function serializeIfError(value: unknown): unknown {
  return value instanceof Error ? serializeError(value) : value
}

/** Called for each line: pino-pretty's stream would write later, when the process may be gone. */
function createPrettifier(colorize: boolean): (line: string) => string {
  return prettyFactory({
    colorize: colorize && !process.env.NO_COLOR,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    ignore: 'pid,service',
    messageFormat: '[{service}] {msg}',
  })
}
