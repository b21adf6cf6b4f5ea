// What the listener counts: calls that it took, and those that it refused, by reason.

import { Counter, Gauge, type Registry } from 'prom-client'

/**
 * `unsigned`, `forged`: no signature, or not with our secret. `too-large`, `cut-short`, `malformed`: no event of CVAT's. `replayed`,
 * `too-old`: taken before, or more than a day old. `unavailable`: Redis did not take it. `method`: no POST.
 */
export const refusals = [
  'unsigned',
  'forged',
  'too-large',
  'cut-short',
  'malformed',
  'replayed',
  'too-old',
  'unavailable',
  'method',
] as const

export type Refusal = (typeof refusals)[number]

export interface ListenerMetrics {
  accepted(event: string): void
  refused(reason: Refusal): void
}

export function defineListenerMetrics(registry: Registry): ListenerMetrics {
  const registers = [registry]
  const accepted = new Counter({
    name: 'cvat_backups_hook_events_total',
    help: "Events of CVAT's webhooks that were taken, by event.",
    labelNames: ['event'],
    registers,
  })
  const refused = new Counter({
    name: 'cvat_backups_hook_refusals_total',
    help: 'Calls of the webhook address that were refused, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const last = new Gauge({
    name: 'cvat_backups_hook_last_event_timestamp_seconds',
    help: 'When this process last took an event; 0 before the first.',
    registers,
  })
  for (const reason of refusals) refused.inc({ reason }, 0)
  last.set(0)
  return {
    accepted(event) {
      accepted.inc({ event })
      last.set(Date.now() / 1000)
    },
    refused: (reason) => refused.inc({ reason }),
  }
}
