// A real server on 127.0.0.1 that answers as a test says and remembers what it was asked.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly seen: SeenRequest[]
  count(path: string): number
}

export type Script = (request: SeenRequest, response: ServerResponse) => void | Promise<void>

export async function startScriptedServer(
  script: Script,
  tls?: { key: string; cert: string },
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = []
  const listener = async (message: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of message) body += chunk
    const target = message.url ?? ''
    const { pathname: path, searchParams: query } = new URL(target, 'http://server.test')
    const request = { method: message.method ?? '', target, path, query, headers: message.headers, body }
    seen.push(request)
    await script(request, response)
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    seen,
    count: (path) => seen.filter((request) => request.path === path).length,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/vnd.cvat+json', ...headers }).end(JSON.stringify(value))
}

export function sendHtml(response: ServerResponse, status: number, title: string): void {
  const page = `<!doctype html>\n<html><head><title>${title}</title></head><body><p>secret-looking body</p></body></html>`
  response.writeHead(status, { 'content-type': 'text/html' }).end(page)
}
