// A board over a real Redis, and a visitor with cookies who speaks HTTP to it.

import { type IncomingHttpHeaders, request } from 'node:http'
import { onTestFinished } from 'vitest'
import { type BoardDeps, startBoard } from '#services/board/service.ts'
import { parseTrustedAddresses } from '#services/board/trusted-addresses.ts'
import type { QueueConnection } from '#shared/queues/open-queue.ts'
import { openStore } from '#shared/store/open-store.ts'
import { makeTemporaryFolder } from '../../shared/store/temporary-folder.ts'
import { type CollectedLogs, collectLogs } from '../../support/collect-logs.ts'
import { openAllQueues } from '../../support/start-stack.ts'

export const operator = { username: 'operator', password: 'correct horse battery' } as const

type Overrides = Partial<Omit<BoardDeps, 'connection' | 'logger'>> & { readonly trusted?: string }

export interface TestBoard {
  readonly address: string
  readonly logs: CollectedLogs
  close(): Promise<void>
  /** A browser of its own, with no cookies yet. */
  visitor(): Visitor
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export type Visitor = ReturnType<typeof createVisitor>

/** Asks for the operator's login unless told otherwise; closed after the test. */
export async function openBoard(connection: QueueConnection, overrides: Overrides = {}): Promise<TestBoard> {
  const { trusted, ...settings } = overrides
  const logs = collectLogs([operator.password])
  const board = await startBoard({
    host: '127.0.0.1',
    port: 0,
    username: operator.username,
    password: operator.password,
    viewerUsername: undefined,
    viewerPassword: undefined,
    tokens: undefined,
    operators: undefined,
    store: settings.store ?? openStore({ directory: await makeTemporaryFolder() }),
    rules: { ttlMs: 24 * 3600_000, minBackups: 3, timeZone: 'UTC' },
    lateAfterMs: undefined,
    proxyUserHeader: undefined,
    trustedProxies: trusted === undefined ? undefined : parseTrustedAddresses(trusted),
    publicUrl: undefined,
    readOnly: false,
    connection,
    logger: logs.logger,
    ...settings,
  })
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await board.close()
  }
  onTestFinished(close)
  return { address: board.address, logs, close, visitor: () => createVisitor(board.address) }
}

/** Settings of a board that asks nobody to log in. */
export const openToAll = { username: undefined, password: undefined } as const

/** All queues, closed after the test. */
export function openQueuesOf(connection: QueueConnection) {
  const queues = openAllQueues(connection)
  onTestFinished(async () => {
    await Promise.all(Object.values(queues).map((queue) => queue.close()))
  })
  return queues
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

function createVisitor(address: string) {
  const cookies = new Map<string, string>()

  const ask = async (path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await exchange(`${address}${path}`, {
      method,
      headers: { ...(cookie ? { cookie } : {}), ...headers },
      body,
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return answer
  }
  const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  const open = (path: string, headers: Record<string, string> = {}) => ask(path, { headers: { ...html, ...headers } })

  return {
    cookies,
    ask,
    /** As a browser opens a page. */
    open,
    /** Fills in the login's form and sends it. */
    async logIn(login: { username: string; password: string } = operator, basePath = '', headers = {}) {
      const page = await open(`${basePath}/login`, headers)
      const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
      const body = new URLSearchParams({ ...login, _csrf: token, next: `${basePath}/queues` }).toString()
      return ask(`${basePath}/login`, {
        method: 'POST',
        headers: { ...html, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body,
      })
    },
    /** What Bull Board's page does: its API, with the token from the cookie. */
    async act(path: string, basePath = '', headers: Record<string, string> = {}) {
      if (!cookies.has('XSRF-TOKEN')) await open(`${basePath}/queues`, headers)
      const token = cookies.get('XSRF-TOKEN') ?? ''
      return ask(`${basePath}/queues/api${path}`, { method: 'PUT', headers: { 'x-xsrf-token': token, ...headers } })
    },
  }
}

function exchange(url: string, asking: Asking): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers, body } = asking
    const sent = request(url, { method, headers: { connection: 'close', ...headers }, agent: false }, (response) => {
      const chunks: string[] = []
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: chunks.join('') }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
