// Traces of jobs from the queue that they were added to, through every service, to their end: BullMQ's own hook for
// OpenTelemetry. Its libraries are loaded only when somebody wants traces: that takes a quarter of a second and more.

import type { Telemetry } from 'bullmq'
import type { Logger } from 'pino'
import type { TracingSettings } from '#shared/config/tracing.ts'
import { createSecretMask } from '#shared/logging/secret-mask.ts'
import { maskedExporter } from './masked-exporter.ts'

export interface TracingOptions extends TracingSettings {
  /** Name of the process; the traces' `service.name`. */
  readonly service: string
  readonly logger: Pick<Logger, 'warn' | 'info'>
  /** Never to be in a trace. */
  readonly secrets: Iterable<string>
}

export interface Tracing extends AsyncDisposable {
  /** For queues and workers; undefined while tracing is off. */
  readonly telemetry: Telemetry | undefined
  /** Sends what is left, for some seconds at most. */
  close(): Promise<void>
}

const CLOSE_WITHIN_MS = 2_000
const SEND_WITHIN_MS = 5_000
/** A collector that is away is named once in a while, not with each batch. */
const WARN_EVERY_MS = 60_000

/**
 * Turns tracing on when an endpoint is set. OpenTelemetry's hooks are global to the process: call it once.
 */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint, headers = {}, service, logger, secrets } = options
  if (endpoint === undefined) {
    const close = async () => undefined
    return { telemetry: undefined, close, [Symbol.asyncDispose]: close }
  }
  const [
    { NodeTracerProvider, BatchSpanProcessor },
    { OTLPTraceExporter },
    { resourceFromAttributes },
    { BullMQOtel },
    api,
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('bullmq-otel'),
    import('@opentelemetry/api'),
  ])
  api.diag.setLogger(warnings(logger), { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true })
  const exporter = new OTLPTraceExporter({
    url: `${endpoint}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: SEND_WITHIN_MS,
  })
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      'service.name': `cvat-backups-${service}`,
      'service.namespace': 'cvat-backups',
    }),
    spanProcessors: [new BatchSpanProcessor(maskedExporter(exporter, createSecretMask(secrets)))],
  })
  // The context of one job must follow it through everything that is awaited: the node flavour of the SDK brings that.
  provider.register()
  logger.info({ endpoint }, 'traces are sent')
  const close = async () => {
    const late = new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS).unref())
    await Promise.race([provider.shutdown().catch(() => undefined), late])
  }
  return { telemetry: new BullMQOtel({ tracerName: 'cvat-backups' }), close, [Symbol.asyncDispose]: close }
}

/** OpenTelemetry's own complaints, a collector that does not answer above all. */
function warnings(logger: Pick<Logger, 'warn'>) {
  let nextAtMs = 0
  const warn = (message: string, ...details: unknown[]) => {
    if (Date.now() < nextAtMs) return
    nextAtMs = Date.now() + WARN_EVERY_MS
    logger.warn(
      { reason: [message, ...details.map(String)].map(reasonIn).join(' ').slice(0, 500) },
      'traces could not be sent',
    )
  }
  const silent = () => undefined
  return { error: warn, warn, info: silent, debug: silent, verbose: silent }
}

/** OpenTelemetry hands over an error as JSON with its stack: what an operator wants of that is the message. */
function reasonIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : text
  } catch {
    return text
  }
}
