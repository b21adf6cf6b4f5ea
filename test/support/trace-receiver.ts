// A collector of traces: takes OTLP over HTTP as JSON and keeps what came.

import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'

export interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly parentSpanId: string
  readonly service: string
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}

interface ExportRequest {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attribute[] }
    readonly scopeSpans: { readonly spans: { name: string; traceId: string; parentSpanId?: string }[] }[]
  }[]
}

/** Closed after the test. */
export async function startTraceReceiver() {
  const bodies: string[] = []
  const headers: Record<string, unknown>[] = []
  const paths = new Set<string>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      paths.add(request.url ?? '')
      bodies.push(body)
      headers.push(request.headers)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    paths,
    headers,
    text: () => bodies.join('\n'),
    spans(): ReceivedSpan[] {
      return bodies.flatMap((body) =>
        (JSON.parse(body) as ExportRequest).resourceSpans.flatMap(({ resource, scopeSpans }) => {
          const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
          return scopeSpans.flatMap(({ spans }) =>
            spans.map(({ name, traceId, parentSpanId = '' }) => ({ name, traceId, parentSpanId, service })),
          )
        }),
      )
    },
  }
}
