// Short ways to say what happens to a run.

import type { Plan, RunLedger } from '#shared/coordination/run-ledger.ts'
import { parseEntity } from '#shared/model/entity.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'

export async function openRun(ledger: RunLedger, runId: string): Promise<{ cursor: string }> {
  return ledger.open({ runId, jobId: `job ${runId}`, mode: 'p', full: false, trigger: 'command' })
}

export function planOf(runId: string, series: string, action: Plan['action'] = 'backup'): Plan {
  return { series, name: `name of ${series}`, action, reason: 'because', backupId: `${runId}.${series}` }
}

/** The outcome of the backup that `runId` began. */
export function outcomeOf(runId: string, series: string, result: Outcome['result'], sizeBytes = 0): Outcome {
  return {
    backupId: `${runId}.${series}`,
    runId,
    series: { entity: parseEntity(series.split('.')[0]!)!, content: { kind: 'backup' } },
    name: `name of ${series}`,
    result,
    sizeBytes,
    ...(result === 'failed' ? { reason: 'it broke', code: 'broken', hint: 'mend it' } : {}),
  }
}
