// The metrics of one process. Nothing is global: whoever starts services gives them the object.

import { Gauge, Registry } from 'prom-client'
import { defineJobMetrics, type JobMetrics } from './job-metrics.ts'
import { openProbe } from './probe.ts'

/** Reads numbers from elsewhere into gauges, when somebody asks. */
export interface Collector {
  /** A label's value: a fixed word. */
  readonly name: string
  /** How long its numbers are given again; five seconds unless it is dear. */
  readonly freshMs?: number
  /** May throw or hang: its gauges are then left out. */
  collect(signal: AbortSignal): Promise<void>
  /** Takes the gauges' values away: old numbers must not pass for present ones. */
  clear(): void
}

export interface ProcessMetrics {
  readonly registry: Registry
  readonly jobs: JobMetrics
  /** Gives back a function that takes the collector away again. */
  addCollector(collector: Collector): () => void
  /** Everything in Prometheus' text format. Collectors are given some seconds. */
  render(): Promise<string>
}

/** Prometheus gives up after ten. */
const LIMIT_MS = 8_000
/** Scraped by two Prometheus servers, Redis is asked once. */
const FRESH_MS = 5_000

export function openMetrics(): ProcessMetrics {
  const registry = new Registry()
  const collectorUp = new Gauge({
    name: 'cvat_backups_collector_up',
    help: 'Whether the numbers of this collector could be read (1) or are missing (0).',
    labelNames: ['collector'],
    registers: [registry],
  })
  const collectors = new Map<Collector, () => Promise<void>>()

  return {
    registry,
    jobs: defineJobMetrics(registry),
    addCollector(collector) {
      const { name, freshMs = FRESH_MS } = collector
      const probe = openProbe({
        ask: (signal) => collector.collect(signal),
        limitMs: LIMIT_MS,
        freshMs: ({ ok }) => (ok ? freshMs : 0),
      })
      collectors.set(collector, async () => {
        const { ok } = await probe()
        collectorUp.set({ collector: name }, ok ? 1 : 0)
        if (!ok) collector.clear()
      })
      return () => {
        collectors.delete(collector)
        collector.clear()
        collectorUp.remove({ collector: name })
      }
    },
    async render() {
      await Promise.all([...collectors.values()].map((collect) => collect()))
      return registry.metrics()
    },
  }
}
