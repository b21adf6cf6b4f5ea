// A backup that has failed for good, told to the scheduler.

import { BackupError, describeError } from '#shared/errors/backup-error.ts'
import type { Backup } from '#shared/queues/exports-queue.ts'
import type { JobToAdd } from '#shared/queues/open-queue.ts'
import type { Outcome } from '#shared/queues/outcomes-queue.ts'

export function failureOutcome(backup: Backup, error: unknown): JobToAdd<Outcome> {
  const { backupId, runId, series, name } = backup
  const expected = error instanceof BackupError ? error : undefined
  return {
    name,
    payload: {
      backupId,
      runId,
      series,
      name,
      result: 'failed',
      sizeBytes: 0,
      reason: describeError(error),
      code: expected?.code ?? 'unexpected',
      ...(expected?.hint === undefined ? {} : { hint: expected.hint }),
    },
  }
}
