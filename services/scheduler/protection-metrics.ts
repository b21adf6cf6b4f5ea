// What is protected and what is not, from the protection table, read when somebody asks.

import { Gauge } from 'prom-client'
import type { MonitoringSettings } from '#shared/config/monitoring.ts'
import type { ProcessMetrics } from '#shared/monitoring/open-metrics.ts'
import { type DueTimes, dueTimeOf, findDueTimes } from '#shared/protection/find-due-time.ts'
import { protectionStates } from '#shared/protection/judge-protection.ts'
import type { ProtectionAccount, ProtectionRow, ProtectionTable } from '#shared/protection/protection-table.ts'
import { type Kind, summariseProtection } from '#shared/protection/summarise-protection.ts'

export type ProtectionMetricsSettings = Pick<MonitoringSettings, 'entities' | 'lateAfterMs'>

const KINDS: readonly Kind[] = ['backup', 'annotations']

/** Reading 30,000 rows took one to two seconds on a busy machine (docs/decisions/0012-protection-table.md). */
const FRESH_MS = 15_000

/** Gives back a function that stops it. */
export function collectProtection(
  metrics: ProcessMetrics,
  table: Pick<ProtectionTable, 'rows' | 'readAccount'>,
  settings: ProtectionMetricsSettings,
): () => void {
  const registers = [metrics.registry]
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge<Label>({ name, help, labelNames: [...labelNames], registers })
  const listed = gauge(
    'cvat_backups_whole_listing_timestamp_seconds',
    'When the last run began that has listed everything of this mode; missing while nothing is known, as after the loss of Redis.',
    ['mode'],
  )
  const due = gauge(
    'cvat_backups_due_timestamp_seconds',
    'When the run before the last one of this mode was to begin by the schedule, less a minute: what was not found protected since is late.',
    ['mode'],
  )
  const entities = gauge(
    'cvat_backups_entities',
    'Projects and tasks by state of protection; missing for a kind of which nothing is known yet.',
    ['kind', 'state'],
  )
  const oldest = gauge(
    'cvat_backups_oldest_protection_timestamp_seconds',
    'When the one was last found protected that waits longest, among those that ever were.',
    ['kind'],
  )
  const protectedAt = gauge(
    'cvat_backups_entity_protected_timestamp_seconds',
    'When a project or task was last found to be as its newest archive shows it; 0 for never. The worst ones only (CVAT_BACKUP_METRICS_ENTITIES).',
    ['kind', 'entity', 'state'],
  )
  const archivedAt = gauge(
    'cvat_backups_entity_archive_timestamp_seconds',
    'Of when its newest verified archive is; 0 for none. The same ones.',
    ['kind', 'entity'],
  )
  const clear = () => {
    for (const each of [listed, due, entities, oldest, protectedAt, archivedAt]) each.reset()
  }

  return metrics.addCollector({
    name: 'protection',
    freshMs: FRESH_MS,
    clear,
    async collect(signal) {
      const now = new Date()
      const account = await table.readAccount()
      const dueTimes = findDueTimes(account, now)
      const dueAtMsOf = (row: ProtectionRow) => dueAtMs(row, dueTimes, settings.lateAfterMs, now)
      const summary = await summariseProtection(untilAborted(table.rows(), signal), {
        dueAtMsOf,
        worst: settings.entities,
      })
      clear()
      for (const [mode, atMs] of Object.entries(account.wholeListings)) listed.set({ mode }, atMs / 1000)
      for (const [mode, atMs] of Object.entries(dueTimes)) due.set({ mode }, atMs / 1000)
      for (const kind of KINDS) {
        if (!isKnown(kind, account)) continue
        const { counts, oldestProtectedAtMs, worst } = summary[kind]
        for (const state of protectionStates) entities.set({ kind, state }, counts[state])
        if (oldestProtectedAtMs !== undefined) oldest.set({ kind }, oldestProtectedAtMs / 1000)
        for (const { row, state } of worst) {
          const entity = `${row.entity.type}-${row.entity.id}`
          protectedAt.set({ kind, entity, state }, (row.protectedAtMs ?? 0) / 1000)
          archivedAt.set({ kind, entity }, (row.archive?.createdAtMs ?? 0) / 1000)
        }
      }
    },
  })
}

function dueAtMs(row: ProtectionRow, times: DueTimes, lateAfterMs: number | undefined, now: Date): number | undefined {
  return lateAfterMs === undefined ? dueTimeOf(row, times) : now.getTime() - lateAfterMs
}

/** Before a whole listing the table holds a part, and a part of the numbers would look like good news. */
function isKnown(kind: Kind, { wholeListings: { p, a, t } }: ProtectionAccount): boolean {
  return kind === 'annotations' ? a !== undefined : p !== undefined || t !== undefined
}

async function* untilAborted<Row>(rows: AsyncIterable<Row>, signal: AbortSignal): AsyncGenerator<Row> {
  for await (const row of rows) {
    signal.throwIfAborted()
    yield row
  }
}
