// Every call's way: login, exchange, one renewed login, errors with a name, retries within limits.

import type { Readable } from 'node:stream'
import { z } from 'zod'
import { BackupError } from '#shared/errors/backup-error.ts'
import { createAnswerError } from './answer-error.ts'
import { excerptAnswer } from './answer-text.ts'
import type { CvatTimeouts } from './client-options.ts'
import { withDeadline } from './deadline.ts'
import type { Login, Ticket } from './login.ts'
import { createNetworkError } from './network-error.ts'
import { parseAnswer } from './parse-answer.ts'
import { readErrorText, readRowTexts, readText } from './read-text.ts'
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

export interface RowPage<Row> {
  /** Where the server says that there is more: never followed (docs/decisions/0003-paging-by-key.md). */
  readonly next: string | null
  readonly rows: Row[]
  /** Until the answer's head was there: what the page has cost the server, by and large. */
  readonly waitedMs: number
}

export interface ApiCaller {
  /** The checked body of an answer with an expected status. */
  readJson<T>(call: ApiCall, schema: z.ZodType<T>, signal: AbortSignal): Promise<{ status: number; value: T }>
  /** A page of a list, its rows checked one by one as they come in: the body is never in memory as a whole. */
  readRows<Row>(call: ApiCall, row: z.ZodType<Row>, signal: AbortSignal): Promise<RowPage<Row>>
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

const ROWS = 'results'

/** Without its rows: what is left between the brackets was none. */
const listSchema = z.object({
  next: z
    .string()
    .nullish()
    .transform((next) => next ?? null),
  [ROWS]: z.array(z.never()),
})

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
  function exchange<T>(
    call: ApiCall,
    signal: AbortSignal,
    read: (answer: Answer, name: string, waitedMs: number) => Promise<T>,
  ): Promise<T> {
    const spec = describeAttempt(server, call)
    const { name } = spec
    const timeoutError = () => new BackupError(`${name}: no answer in time`, { code: 'timeout', retryable: true })
    const once = () =>
      withDeadline(timeouts.requestMs, signal, timeoutError, async (limited) => {
        const askedAtMs = performance.now()
        const answer = await attempt(spec, limited)
        const waitedMs = performance.now() - askedAtMs
        return read(answer, name, waitedMs)
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
      exchange(call, signal, async ({ status, body }, name) => ({
        status,
        value: parseAnswer(await received(readText(body, name), name), schema, { call: name, status }),
      })),
    readRows: (call, schema, signal) =>
      exchange(call, signal, async ({ status, body }, name, waitedMs) => {
        const rows: z.output<typeof schema>[] = []
        const answer = { call: name, status }
        const take = (text: string) => void rows.push(parseAnswer(text, schema, answer, `${ROWS}.${rows.length}`))
        const rest = await received(readRowTexts(body, name, take), name)
        return { next: parseAnswer(rest, listSchema, answer).next, rows, waitedMs }
      }),
    readStatus: (call, signal) =>
      exchange(call, signal, async ({ status, body }, name) => {
        await received(readText(body, name), name)
        return status
      }),
    readHead: (call, signal) =>
      exchange(call, signal, async (answer, name) => {
        await received(readText(answer.body, name), name)
        return headOf(answer)
      }),
    upload,
    open: (target, headers, signal) => {
      const name = `GET ${target.replace(/\?.*$/s, '')}`
      const expected = [200, 206]
      const spec: Attempt = { name, method: 'GET', target, headers, anonymous: false, expected, purpose: 'download' }
      return repeat(name, signal, () => attempt(spec, signal))
    },
  }
}

async function received<T>(body: Promise<T>, call: string): Promise<T> {
  try {
    return await body
  } catch (error) {
    throw createNetworkError(error, call)
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
