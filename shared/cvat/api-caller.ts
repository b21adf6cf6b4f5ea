// Every call's way: login, exchange, one renewed login, errors with a name, retries within limits.

import type { Readable } from 'node:stream'
import type { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createAnswerError } from './answer-error.ts'
import { excerptAnswer } from './answer-text.ts'
import type { CvatTimeouts } from './client-options.ts'
import { withDeadline } from './deadline.ts'
import type { Login, Ticket } from './login.ts'
import { createNetworkError } from './network-error.ts'
import { parseAnswer } from './parse-answer.ts'
import { readErrorText, readText } from './read-text.ts'
import { type RetryRun, withRetries } from './retry.ts'
import { apiTarget, type Query, type ServerUrl } from './server-url.ts'
import type { Answer, HttpMethod, Transport } from './transport.ts'
import { withinSilence } from './within-silence.ts'

export interface ApiCall {
  readonly method: HttpMethod
  /** `/api/…`, encoded, without the base path. */
  readonly path: string
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
  /** Called without credentials. */
  readonly anonymous?: boolean
  /** Statuses that are no fault; 200 unless told. */
  readonly expected?: readonly number[]
  /** Sent as JSON. */
  readonly json?: unknown
  /** Not safe to repeat: after a lost answer the caller has to find out what has become of it. */
  readonly once?: boolean
}

/** A part of a file on its way to the server. */
export interface UploadBody {
  readonly sizeBytes: number
  /** The bytes; called again when a refused login was renewed. */
  open(): Readable
}

export interface AnswerHead {
  readonly status: number
  header(name: string): string | undefined
}

export interface ApiCaller {
  /** The checked body of an answer with an expected status. */
  readJson<T>(call: ApiCall, schema: z.ZodType<T>, signal: AbortSignal): Promise<{ status: number; value: T }>
  /** The status alone. */
  readStatus(call: ApiCall, signal: AbortSignal): Promise<number>
  /** Status and headers. */
  readHead(call: ApiCall, signal: AbortSignal): Promise<AnswerHead>
  /**
   * Sends bytes, once. There is no limit on the whole, only on silence: nothing taken off for `bodyMs` while sending, no
   * answer within `headersMs` afterwards.
   */
  upload(call: ApiCall, body: UploadBody, signal: AbortSignal): Promise<AnswerHead>
  /** The answer with its body yet to be read, for the download of `target` (base path included). */
  open(target: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>
}

export interface ApiCallerDeps {
  readonly transport: Transport
  readonly server: ServerUrl
  readonly login: Login
  readonly timeouts: CvatTimeouts
  readonly retry: Omit<RetryRun, 'onRetry'>
  readonly onRetry: (call: string, error: BackupError, attempt: number, delayMs: number) => void
}

interface Attempt {
  readonly name: string
  readonly method: HttpMethod
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly anonymous: boolean
  readonly expected: readonly number[]
  readonly purpose: 'api' | 'download'
  readonly openBody?: (() => string | Readable) | undefined
}

export function createApiCaller(deps: ApiCallerDeps): ApiCaller {
  const { transport, server, login, timeouts } = deps

  /** An answer with an expected status; a refused ticket is renewed once. */
  async function attempt(spec: Attempt, signal: AbortSignal): Promise<Answer> {
    for (let renewed = false; ; renewed = true) {
      const ticket = spec.anonymous ? undefined : await login.ticket(signal)
      const { name: call, openBody, ...rest } = spec
      const exchange = { ...rest, call, authorization: ticket?.header, body: openBody?.() }
      const answer = await transport.send(exchange, signal)
      if (spec.expected.includes(answer.status)) return answer
      const body = await readErrorText(answer.body)
      if (answer.status !== 401 || !ticket) throw refusal(spec, answer, body)
      if (renewed || !(await login.renew(ticket, signal))) throw loginRefusal(spec, ticket, body)
    }
  }

  function refusal(spec: Attempt, answer: Answer, body: string): BackupError {
    const { status } = answer
    return createAnswerError({
      call: spec.name,
      status,
      body,
      retryAfter: answer.header('retry-after'),
      secrets: login.secrets(),
    })
  }

  function loginRefusal(spec: Attempt, ticket: Ticket, body: string): BackupError {
    const way = ticket.header.slice(0, ticket.header.indexOf(' '))
    return login.refuse(`${spec.name}: 401 ${excerptAnswer(body, login.secrets())} (login by ${way})`)
  }

  function repeat<T>(name: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const onRetry: RetryRun['onRetry'] = (error, count, delayMs) => deps.onRetry(name, error, count, delayMs)
    return withRetries({ ...deps.retry, onRetry }, signal, run)
  }

  /** The whole exchange, body included, within `requestMs`. */
  function exchange<T>(call: ApiCall, signal: AbortSignal, use: (answer: Answer, body: string) => T): Promise<T> {
    const spec = describeAttempt(server, call)
    const { name } = spec
    const timeoutError = () => new BackupError(`${name}: no answer in time`, { code: 'timeout', retryable: true })
    const once = () =>
      withDeadline(timeouts.requestMs, signal, timeoutError, async (limited) => {
        const answer = await attempt(spec, limited)
        const body = await readText(answer.body, name).catch((error) => {
          throw createNetworkError(error, name)
        })
        return use(answer, body)
      })
    return call.once ? once() : repeat(name, signal, once)
  }

  async function upload(call: ApiCall, { sizeBytes, open }: UploadBody, signal: AbortSignal): Promise<AnswerHead> {
    const described = describeAttempt(server, call)
    const { name } = described
    return withinSilence(timeouts.bodyMs, name, signal, async (limited, watch) => {
      const headers = { ...described.headers, 'content-length': String(sizeBytes) }
      const answer = await attempt({ ...described, headers, openBody: () => watch(open()) }, limited)
      await readErrorText(answer.body)
      return headOf(answer)
    })
  }

  return {
    readJson: (call, schema, signal) =>
      exchange(call, signal, ({ status }, body) => ({
        status,
        value: parseAnswer(body, schema, { call: nameCall(call), status }),
      })),
    readStatus: (call, signal) => exchange(call, signal, ({ status }) => status),
    readHead: (call, signal) => exchange(call, signal, headOf),
    upload,
    open: (target, headers, signal) => {
      const name = `GET ${target.replace(/\?.*$/s, '')}`
      const expected = [200, 206]
      const spec: Attempt = { name, method: 'GET', target, headers, anonymous: false, expected, purpose: 'download' }
      return repeat(name, signal, () => attempt(spec, signal))
    },
  }
}

function describeAttempt(server: ServerUrl, call: ApiCall): Attempt {
  const { json } = call
  return {
    name: nameCall(call),
    method: call.method,
    target: apiTarget(server, call.path, call.query),
    headers: { ...call.headers, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
    anonymous: call.anonymous ?? false,
    expected: call.expected ?? [200],
    purpose: 'api',
    openBody: json === undefined ? undefined : () => JSON.stringify(json),
  }
}

function headOf({ status, header }: Answer): AnswerHead {
  return { status, header }
}

/** For messages: readable, and without the query, which may be long. */
function nameCall({ method, path }: ApiCall): string {
  return `${method} ${decodeURIComponent(path)}`
}
