// One exchange with the server, redirects included: no login, no retries, no idea of what an answer means.

import type { Readable } from 'node:stream'
import { Agent } from 'undici'
import type { CvatClientOptions, CvatTimeouts } from './client-options.ts'
import { createNetworkError } from './network-error.ts'
import { isRedirect, resolveRedirect, tooManyRedirects } from './redirect.ts'
import { createSecureContext } from './secure-context.ts'
import type { ServerUrl } from './server-url.ts'

const mostRedirects = 5

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE'

export interface Exchange {
  /** For messages: `GET /api/projects/6`. */
  readonly call: string
  readonly method: HttpMethod
  /** Path and query on CVAT_URL's origin. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  /** The Authorization header; sent to CVAT_URL's origin only. */
  readonly authorization?: string | undefined
  /** JSON text, or the bytes of an upload, whose length is among the headers. */
  readonly body?: string | Readable | undefined
  readonly purpose: 'api' | 'download'
}

export interface Answer {
  readonly status: number
  header(name: string): string | undefined
  /** Must be read to its end or destroyed. */
  readonly body: Readable
}

export interface Transport {
  /**
   * The answer's status and headers as soon as they are there; aborting the signal later breaks the body, too.
   *
   * @throws BackupError `unreachable`, `timeout`, `redirect-refused`, `client-closed`
   */
  send(exchange: Exchange, signal: AbortSignal): Promise<Answer>
  /** Breaks what is under way. */
  close(): Promise<void>
}

/**
 * HTTP/1.1 with kept connections; as many at a time as there are callers, who bound themselves.
 * HTTP/2 is not offered: nothing of it was measured, and one slow download must not hold up the others.
 */
export function openTransport(
  server: ServerUrl,
  timeouts: CvatTimeouts,
  options: Pick<CvatClientOptions, 'ca' | 'userAgent'>,
): Transport {
  const trust = options.ca === undefined ? {} : { secureContext: createSecureContext(options.ca) }
  const agent = new Agent({
    allowH2: false,
    connect: { timeout: timeouts.connectMs, ...trust },
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyMs,
  })

  async function sendOnce(url: URL, exchange: Exchange, mayLogIn: boolean, signal: AbortSignal): Promise<Answer> {
    const headers: Record<string, string> = {
      accept: exchange.purpose === 'api' ? 'application/vnd.cvat+json' : '*/*',
      // A compressed download would have another length and could not be resumed.
      'accept-encoding': 'identity',
      'user-agent': options.userAgent ?? 'cvat-backups',
      ...exchange.headers,
    }
    if (mayLogIn && exchange.authorization !== undefined) headers.authorization = exchange.authorization
    const answer = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: exchange.method,
      headers,
      body: exchange.body ?? null,
      signal,
    })
    // A body that nobody reads yet may break, or be destroyed, without ending the process. Readers still see the error.
    answer.body.on('error', () => {})
    return { status: answer.statusCode, header: (name) => readHeader(answer.headers[name]), body: answer.body }
  }

  async function send(exchange: Exchange, signal: AbortSignal): Promise<Answer> {
    const { call, method, purpose } = exchange
    let url = new URL(exchange.target, server.origin)
    let mayLogIn = true
    try {
      for (let count = 0; count <= mostRedirects; count++) {
        const answer = await sendOnce(url, exchange, mayLogIn, signal)
        if (!isRedirect(answer.status)) return answer
        discard(answer)
        url = resolveRedirect(server, {
          call,
          status: answer.status,
          location: answer.header('location'),
          from: url,
          method,
          purpose,
        })
        // Once elsewhere, a way back is somebody else's idea: it gets no credentials either.
        mayLogIn &&= url.origin === server.origin
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw createNetworkError(error, call)
    }
    throw tooManyRedirects(call)
  }

  return { send, close: () => agent.destroy() }
}

/** Gives an unwanted answer's connection up. */
export function discard(answer: Answer): void {
  answer.body.destroy()
}

function readHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
