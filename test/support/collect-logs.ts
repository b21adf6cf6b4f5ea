// A logger that keeps its lines, through the product's own redaction.

import { createLogger, type Logger } from '#shared/logging/logger.ts'

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface CollectedLogs {
  readonly logger: Logger
  readonly lines: LogLine[]
  readonly text: () => string
}

export function collectLogs(secrets: Iterable<string> = []): CollectedLogs {
  const raw: string[] = []
  const lines: LogLine[] = []
  const logger = createLogger({
    level: 'trace',
    format: 'json',
    service: 'test',
    secrets,
    destination: {
      write(line: string) {
        raw.push(line)
        lines.push(JSON.parse(line) as LogLine)
      },
    },
  })
  return { logger, lines, text: () => raw.join('') }
}
