// What the notifier tells about itself: that it tells people, and what.

import { Counter, Gauge } from 'prom-client'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { alarmKinds } from './alarm.ts'
import type { NotifierState } from './state.ts'

export interface NotifierMetrics {
  sent(channel: string, result: 'sent' | 'failed' | 'given-up'): void
  /** Reads no more. */
  stop(): void
}

/** Gauges are read from the state, so that all notifiers tell the same, whichever of them looked. */
export function defineNotifierMetrics(
  metrics: ProcessMetrics,
  channels: readonly string[],
  readState: () => Promise<NotifierState | undefined>,
): NotifierMetrics {
  const registers = [metrics.registry]
  const messages = new Counter({
    name: 'cvat_backups_notifications_total',
    help: 'Messages and pings by channel: sent, failed (and tried again), or given up.',
    labelNames: ['channel', 'result'],
    registers,
  })
  for (const channel of channels)
    for (const result of ['sent', 'failed', 'given-up']) messages.inc({ channel, result }, 0)
  const open = new Gauge({
    name: 'cvat_backups_alarms',
    help: 'What people were told and is still wrong, by kind.',
    labelNames: ['alarm'],
    registers,
  })
  const waiting = new Gauge({
    name: 'cvat_backups_notifications_waiting',
    help: 'Messages that a channel has not taken yet.',
    labelNames: ['channel'],
    registers,
  })
  const up = new Gauge({
    name: 'cvat_backups_notification_channel_up',
    help: 'Whether the last message to a channel was taken (1) or not (0); missing before the first.',
    labelNames: ['channel'],
    registers,
  })
  const looked = new Gauge({
    name: 'cvat_backups_last_look_timestamp_seconds',
    help: 'When it was last looked whether anything is wrong.',
    registers,
  })
  const clear = () => {
    for (const gauge of [open, waiting, up]) gauge.reset()
    looked.remove()
  }
  clear()
  const stop = metrics.addCollector({
    name: 'notifications',
    clear,
    async collect() {
      const state = await readState()
      clear()
      if (!state) return
      for (const alarm of alarmKinds) {
        open.set({ alarm }, Object.values(state.open).filter(({ trouble }) => trouble.kind === alarm).length)
      }
      for (const channel of channels) {
        waiting.set({ channel }, state.outbox.filter((entry) => entry.channel === channel).length)
        const known = state.channels[channel]
        if (known) up.set({ channel }, known.failure ? 0 : 1)
      }
      looked.set(state.lookedAtMs / 1000)
    },
  })
  return { sent: (channel, result) => messages.inc({ channel, result }), stop }
}
