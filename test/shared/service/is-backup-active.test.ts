import { expect, test } from 'vitest'
import type { RunAccount, RunState } from '#shared/coordination/run-ledger.ts'
import { mayBeActive } from '#shared/service/is-backup-active.ts'
import { makeRunId } from '#shared/service/make-run-id.ts'

const now = new Date('2026-11-26T10:00:00Z')
const runId = makeRunId('p', new Date('2026-11-26T09:00:00Z'), 'test')

function known(state: RunState | undefined) {
  return {
    claims: { read: async () => undefined },
    ledger: {
      read: async (id: string) => (id === runId && state ? ({ state } as RunAccount) : undefined),
    },
  }
}

test('a backup without a claim is over where its run is known, and may be another installation’s where it is not', async () => {
  for (const suffix of ['', '-r2']) {
    const backupId = `${runId}${suffix}.task-3.backup`
    expect(await mayBeActive(backupId, known('waiting'), now)).toBe(false)
    expect(await mayBeActive(backupId, known(undefined), now)).toBe(true)
  }
})

test('what a run takes out of a whole archive, which has no claim, is left alone until the run has ended', async () => {
  const backupId = `${runId}-apart.task-3.backup`
  for (const state of ['listing', 'waiting'] as const) expect(await mayBeActive(backupId, known(state), now)).toBe(true)
  for (const state of ['ended', 'interrupted'] as const) {
    expect(await mayBeActive(backupId, known(state), now)).toBe(false)
  }
  expect(await mayBeActive(backupId, known(undefined), now)).toBe(true)
  expect(await mayBeActive(backupId, known(undefined), new Date('2026-12-26T10:00:00Z'))).toBe(false)
})
