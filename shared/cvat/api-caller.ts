// Every call's way: login, exchange, one renewed login, errors with a name, retries within limits.

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
import type { Answer, Transport } from './transport.ts'

export interface ApiCall {
  readonly method: 'GET' | 'POST'
  /** `/api/…`, encoded, without the base path. */
  readonly path: string
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
  /** Called without credentials. */
  readonly anonymous?: boolean
  /** Statuses that are no fault; 200 unless told. */
  readonly expected?: readonly number[]
}

export interface ApiCaller {
  /** The checked body of an answer with an expected status. */
  readJson<T>(call: ApiCall, schema: z.ZodType<T>, signal: AbortSignal): Promise<{ status: number; value: T }>
  /** The status alone. */
  readStatus(call: ApiCall, signal: AbortSignal): Promise<number>
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
  readonly method: 'GET' | 'POST'
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly anonymous: boolean
  readonly expected: readonly number[]
  readonly purpose: 'api' | 'download'
}

export function createApiCaller(deps: ApiCallerDeps): ApiCaller {
  const { transport, server, login, timeouts } = deps

  /** An answer with an expected status; a refused ticket is renewed once. */
  async function attempt(spec: Attempt, signal: AbortSignal): Promise<Answer> {
    for (let renewed = false; ; renewed = true) {
      const ticket = spec.anonymous ? undefined : await login.ticket(signal)
      const answer = await transport.send({ ...spec, call: spec.name, authorization: ticket?.header }, signal)
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
  function exchange<T>(call: ApiCall, signal: AbortSignal, use: (status: number, body: string) => T): Promise<T> {
    const name = nameCall(call)
    const spec: Attempt = {
      name,
      method: call.method,
      target: apiTarget(server, call.path, call.query),
      headers: call.headers ?? {},
      anonymous: call.anonymous ?? false,
      expected: call.expected ?? [200],
      purpose: 'api',
    }
    const timeoutError = () => new BackupError(`${name}: no answer in time`, { code: 'timeout', retryable: true })
    return repeat(name, signal, () =>
      withDeadline(timeouts.requestMs, signal, timeoutError, async (limited) => {
        const answer = await attempt(spec, limited)
        const body = await readText(answer.body, name).catch((error) => {
          throw createNetworkError(error, name)
        })
        return use(answer.status, body)
      }),
    )
  }

  return {
    readJson: (call, schema, signal) =>
      exchange(call, signal, (status, body) => ({
        status,
        value: parseAnswer(body, schema, { call: nameCall(call), status }),
      })),
    readStatus: (call, signal) => exchange(call, signal, (status) => status),
    open: (target, headers, signal) => {
      const name = `GET ${target.replace(/\?.*$/s, '')}`
      const expected = [200, 206]
      const spec: Attempt = { name, method: 'GET', target, headers, anonymous: false, expected, purpose: 'download' }
      return repeat(name, signal, () => attempt(spec, signal))
    },
  }
}

/** For messages: readable, and without the query, which may be long. */
function nameCall({ method, path }: ApiCall): string {
  return `${method} ${decodeURIComponent(path)}`
}
