// A logger that hands what it writes, secrets already taken out, to somebody else as well: a job's own log.

import { type Logger, pino, symbols } from 'pino'
import { redactText } from './redact-line.ts'

/** One line as fields, after the redaction. */
export type LogRecord = Readonly<Record<string, unknown>>

/** What `createLogger` writes to. Loggers without it have no redaction and are not listened to. */
export interface RedactingStream {
  write(line: string): void
  /** The line of JSON without secrets; stays JSON. */
  redact(line: string): string
}

const LEAST = pino.levels.values.info!

/**
 * A child of the logger: its lines, and those of its children, of level info and above also go to `take`, whatever the
 * level of the log itself is.
 */
export function teeLines(logger: Logger, take: (record: LogRecord) => void): Logger {
  const stream = redactingStream(logger)
  if (!stream) return logger
  const own = logger.levelVal
  const tee = logger.child({}, { level: own <= LEAST ? logger.level : 'info' })
  const target = {
    // Asks pino to note the level of the line that it is about to write.
    [symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    redact: stream.redact,
    write(line: string) {
      if (this.lastLevel >= own) stream.write(line)
      if (this.lastLevel >= LEAST) take(JSON.parse(stream.redact(line)) as LogRecord)
    },
  }
  Object.defineProperty(tee, symbols.streamSym, { value: target })
  return tee
}

/** The text as the log would show it; without `createLogger` only what looks like a secret is known to be one. */
export function redactLike(logger: Logger, text: string): string {
  const stream = redactingStream(logger)
  if (!stream) return redactText(text, (same) => same)
  return (JSON.parse(stream.redact(JSON.stringify({ msg: text }))) as { msg: string }).msg
}

function redactingStream(logger: Logger): RedactingStream | undefined {
  const stream = (logger as unknown as Record<symbol, Partial<RedactingStream> | undefined>)[symbols.streamSym]
  return typeof stream?.redact === 'function' ? (stream as RedactingStream) : undefined
}
