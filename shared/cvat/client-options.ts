// What a caller may set, and the defaults with their reasons. Nothing here is kept on the client: secrets live in closures.

import { BackupError } from '#shared/errors/backup-error.ts'

export type CvatCredentials =
  | { readonly accessToken: string }
  | { readonly username: string; readonly password: string }

export interface CvatTimeouts {
  /** Name lookup, TCP and TLS together. */
  readonly connectMs: number
  /** From the request's last byte to the answer's headers. The slowest measured call took about a second. */
  readonly headersMs: number
  /** Longest silence inside a body; for downloads the only limit there is, so it must outlast a busy disk. */
  readonly bodyMs: number
  /** A whole API call from login to the last byte, retries not included. Downloads have no such limit. */
  readonly requestMs: number
}

export interface CvatRetry {
  /** Attempts altogether, the first one included. */
  readonly attempts: number
  /** The first pause is anything up to this; each later one up to twice the one before. */
  readonly baseMs: number
  readonly maxMs: number
  /** No attempt begins later than this after the first one began. */
  readonly maxElapsedMs: number
}

/** The part of a pino logger that the client uses. */
export interface CvatLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface CvatClientOptions {
  /** Where CVAT answers, as CVAT_URL says it; may have a base path (`https://host/cvat`). */
  readonly url: string
  readonly credentials: CvatCredentials
  /** Slug; sent with lists of projects, tasks and jobs. Unset (or empty): everything that the user may see. */
  readonly organization?: string | undefined
  /** PEM certificates trusted besides Node's own. */
  readonly ca?: string | Buffer | undefined
  readonly timeouts?: Partial<CvatTimeouts> | undefined
  readonly retry?: Partial<CvatRetry> | undefined
  readonly userAgent?: string | undefined
  readonly logger?: CvatLogger | undefined
  /** 0 to below 1; for tests. */
  readonly random?: (() => number) | undefined
  /** For tests; rejects with the signal's reason when it aborts. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

const defaultTimeouts: CvatTimeouts = { connectMs: 10_000, headersMs: 30_000, bodyMs: 60_000, requestMs: 120_000 }

const defaultRetry: CvatRetry = { attempts: 5, baseMs: 500, maxMs: 15_000, maxElapsedMs: 60_000 }

export function resolveTimeouts(given: Partial<CvatTimeouts> | undefined): CvatTimeouts {
  return { ...defaultTimeouts, ...given }
}

export function resolveRetry(given: Partial<CvatRetry> | undefined): CvatRetry {
  return { ...defaultRetry, ...given }
}

/**
 * Refuses values that could not travel in a header, without repeating them.
 *
 * @throws BackupError `bad-credentials`, `bad-organization`
 */
export function checkHeaderValues(options: CvatClientOptions): void {
  const { credentials, organization } = options
  if ('accessToken' in credentials) {
    if (!isHeaderWord(credentials.accessToken)) {
      throw refuse(
        'bad-credentials',
        'The access token is empty or holds blanks or special characters.',
        'CVAT_ACCESS_TOKEN',
      )
    }
  } else if (credentials.username === '' || credentials.password === '') {
    throw refuse('bad-credentials', 'The user name or the password is empty.', 'CVAT_USERNAME and CVAT_PASSWORD')
  }
  if (organization && !isHeaderWord(organization)) {
    throw refuse('bad-organization', 'The organization is not a slug: letters, digits, - and _.', 'CVAT_ORGANIZATION')
  }
}

function isHeaderWord(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

function refuse(code: string, message: string, setting: string): BackupError {
  return new BackupError(message, { code, retryable: false, hint: `Check ${setting}.` })
}
