// What the sweeper tells about removed archives and about those that it read again.

import { Counter, Gauge, type Registry } from 'prom-client'
import type { SweepTotals } from '#shared/retention/sweep-all.ts'
import type { SweepDecision } from '#shared/retention/sweep-entity.ts'
import type { VerifyEvent } from '#shared/store/verify-pass.ts'

export function defineSweepMetrics(registry: Registry) {
  const registers = [registry]
  const removed = new Counter({
    name: 'cvat_backups_removed_archives_total',
    help: 'Archives that the retention rules no longer kept.',
    registers,
  })
  const removedBytes = new Counter({
    name: 'cvat_backups_removed_bytes_total',
    help: 'Their bytes.',
    registers,
  })
  const kept = new Gauge({
    name: 'cvat_backups_kept_archives',
    help: 'Archives that were there after the last sweep of everything by this process; missing before the first.',
    registers,
  })
  kept.remove()
  const checked = new Counter({
    name: 'cvat_backups_verified_archives_total',
    help: 'Stored archives that were read again, by what was found.',
    labelNames: ['verdict'],
    registers,
  })
  for (const verdict of ['intact', 'damaged', 'wanting']) checked.inc({ verdict }, 0)
  const checkedBytes = new Counter({
    name: 'cvat_backups_verified_bytes_total',
    help: 'Their bytes.',
    registers,
  })
  const unchecked = new Counter({
    name: 'cvat_backups_verification_failures_total',
    help: 'Archives and folders that could not be read again; the next pass tries them first.',
    registers,
  })
  return {
    decided({ action, archive }: SweepDecision): void {
      if (action === 'keep') return
      removed.inc()
      removedBytes.inc(archive.record.archive.sizeBytes)
    },
    swept: (totals: Pick<SweepTotals, 'kept'>) => kept.set(totals.kept),
    verified(event: VerifyEvent): void {
      if (event.what === 'checked') {
        checked.inc({ verdict: event.judgement.verdict })
        checkedBytes.inc(event.archive.sizeBytes)
      } else if (event.what === 'failed' || event.what === 'unreadable-folder') unchecked.inc()
    },
  }
}
