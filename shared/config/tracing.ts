// Settings of tracing, by the names that OpenTelemetry gives them.

import { defineGroup, type Settings, type ValuesOf } from './setting.ts'
import { InvalidValue, valueSchema } from './value-schemas.ts'

const settings = {
  endpoint: {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schema: valueSchema('an http or https address', parseEndpoint),
    description:
      'Where traces of all jobs are sent, by OTLP over HTTP as JSON; `/v1/traces` is added. Mostly port 4318 of a collector.',
    example: 'http://otel-collector:4318',
    whenUnset: 'no traces',
  },
  headers: {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    schema: valueSchema('a list like `name=value,other=value`, percent-encoded', parseHeaders),
    description: 'Headers that are sent with them, for a collector that asks for a key.',
    secret: true,
    whenUnset: 'none',
  },
} as const satisfies Settings

export const tracingSettings = defineGroup({
  title: 'Tracing',
  introduction:
    'Off unless an endpoint is set. Traces hold the names of projects and tasks, ids, times and reasons of failures, and no secret.',
  settings,
  derivedSecrets: ({ headers }) => Object.values(headers ?? {}),
})

export type TracingSettings = ValuesOf<typeof settings>

function parseEndpoint(text: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (!url) throw new InvalidValue('')
  const fix = 'Give keys in OTEL_EXPORTER_OTLP_HEADERS'
  if (url.username || url.password || url.search || url.hash) throw new InvalidValue('holds a login or a query', fix)
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** The form of W3C Baggage, as OpenTelemetry's specification asks for. */
function parseHeaders(text: string): Readonly<Record<string, string>> {
  const pairs = text
    .split(',')
    .filter((item) => item.trim() !== '')
    .map((item) => {
      const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(item) ?? []
      if (name === undefined || value === undefined) throw new InvalidValue('')
      try {
        return [name, decodeURIComponent(value)] as const
      } catch {
        throw new InvalidValue('')
      }
    })
  return Object.fromEntries(pairs)
}
