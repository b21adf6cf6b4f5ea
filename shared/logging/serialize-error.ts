// What the log holds of an error: what an operator can act on, with all its causes.

/** Fields that help; others are left out, for they may hold whole requests, commands or answers. */
const FIELDS = [
  'code',
  'hint',
  'retryable',
  'retryAfterMs',
  'status',
  'statusCode',
  'errno',
  'syscall',
  'path',
  'address',
  'port',
] as const

const MAX_CAUSES = 8
const MAX_ERRORS = 10

export interface SerializedError extends Partial<Record<(typeof FIELDS)[number], unknown>> {
  readonly type: string
  readonly message: string
  readonly stack?: string | undefined
  readonly cause?: SerializedError
  /** Of an AggregateError, the first ten. */
  readonly errors?: readonly SerializedError[]
}

/** Turns anything thrown into plain fields. A chain of causes ends after eight, or where it turns back on itself. */
export function serializeError(thrown: unknown): SerializedError {
  return serialize(thrown, [])
}

function serialize(thrown: unknown, outer: readonly unknown[]): SerializedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: describeThrown(thrown) }
  const fields = FIELDS.map((name) => [name, (thrown as unknown as Record<string, unknown>)[name]] as const)
  const chain = [...outer, thrown]
  const goesOn = (next: unknown) => next !== undefined && !chain.includes(next) && chain.length <= MAX_CAUSES
  const errors = thrown instanceof AggregateError ? thrown.errors.slice(0, MAX_ERRORS).filter(goesOn) : []
  return {
    type: thrown.name,
    message: thrown.message,
    ...Object.fromEntries(fields.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))),
    stack: thrown.stack,
    ...(goesOn(thrown.cause) ? { cause: serialize(thrown.cause, chain) } : {}),
    ...(errors.length > 0 ? { errors: errors.map((error) => serialize(error, chain)) } : {}),
  }
}

function describeThrown(thrown: unknown): string {
  try {
    return typeof thrown === 'object' ? JSON.stringify(thrown) : String(thrown)
  } catch {
    return Object.prototype.toString.call(thrown)
  }
}
