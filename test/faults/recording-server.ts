// A server that nobody should trust: keeps the headers of whatever it is asked.

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'vitest'

export interface RecordingServer {
  readonly url: string
  readonly seen: { readonly path: string; readonly headers: IncomingHttpHeaders }[]
}

/** Answers everything with `body`; closed after the test. */
export async function startRecordingServer(test: TestContext, body: string): Promise<RecordingServer> {
  const seen: RecordingServer['seen'] = []
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', headers: request.headers })
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
