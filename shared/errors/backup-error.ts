// One error type for everything that can go wrong, so that the queue consumer and the command line need no guessing.

export interface BackupErrorDetails {
  /** Stable, kebab-case: what tests, metrics and documentation refer to. */
  readonly code: string
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean
  /** What an operator can do about it. */
  readonly hint?: string | undefined
  /** How long the server asked to wait before the next attempt. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** An expected fault: what was attempted (message), whether to retry, and what a person can do. Never holds a secret. */
export class BackupError extends Error {
  readonly code: string
  readonly retryable: boolean
  readonly hint: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(message: string, details: BackupErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'BackupError'
    this.code = details.code
    this.retryable = details.retryable
    this.hint = details.hint
    this.retryAfterMs = details.retryAfterMs
  }
}

/** The message with its chain of causes on one line, for logs, summaries and job reasons. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  let current: unknown = error
  while (current !== undefined && current !== null && parts.length < 5) {
    const text = current instanceof Error ? current.message || current.name : String(current)
    if (text && !parts.some((part) => part.includes(text))) parts.push(text)
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join(': ').replaceAll(/\s+/g, ' ').slice(0, 1000)
}
