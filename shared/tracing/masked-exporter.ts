// The last gate before traces leave the process: secrets are masked, and what no job has caused is left out.

import type { Attributes } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'
import type { MaskSecrets } from '#shared/logging/secret-mask.ts'

/** Of OpenTelemetry's SpanKind; the library itself is loaded elsewhere, and only when needed. */
const INTERNAL = 0

export function maskedExporter(exporter: SpanExporter, mask: MaskSecrets): SpanExporter {
  return {
    export(spans, done) {
      const wanted = spans.filter((span) => !isIdle(span))
      for (const span of wanted) maskSpan(span, mask)
      exporter.export(wanted, done)
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

/** A worker asks for the next job and renews its locks all day long, also when there is nothing to do. */
function isIdle({ kind, attributes }: ReadableSpan): boolean {
  return kind === INTERNAL && attributes['bullmq.job.id'] === undefined
}

/**
 * In place: the span has ended, and nobody else reads it. Job results and failures hold texts of the server. BullMQ puts a job's
 * name, for us that of a project, into the span's: there it would make an operation of its own of each project.
 */
function maskSpan(span: { name: string } & Omit<ReadableSpan, 'name'>, mask: MaskSecrets): void {
  span.name = mask(span.name.replace(/^(add \w+)\..*$/s, '$1'))
  maskAttributes(span.attributes, mask)
  for (const { attributes } of span.events) if (attributes) maskAttributes(attributes, mask)
  if (span.status.message) span.status.message = mask(span.status.message)
}

function maskAttributes(attributes: Attributes, mask: MaskSecrets): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'string') attributes[key] = mask(value)
    else if (Array.isArray(value)) {
      attributes[key] = value.map((item) => (typeof item === 'string' ? mask(item) : item)) as string[]
    }
  }
}
