import { expect, test } from 'vitest'
import type { RunSummary } from '#shared/coordination/summarise-run.ts'
import { describeSummary } from '../../cli/view/describe-summary.ts'

const summary: RunSummary = {
  formatVersion: 1,
  type: 'run',
  runId: 'r1',
  mode: 'p',
  full: false,
  trigger: 'command',
  startedAt: '2026-11-22T20:00:00.000Z',
  endedAt: '2026-11-22T20:00:02.000Z',
  durationSeconds: 2,
  ok: false,
  listingError: null,
  total: 4,
  noted: 0,
  done: 2,
  skipped: 1,
  empty: 0,
  failed: 1,
  sizeBytes: 1_000_000,
  failures: [{ series: 'task-40.backup', name: 'loose', reason: 'it broke', code: 'broken', hint: 'mend it' }],
  notes: [
    { series: 'project-10.backup', name: 'a\nb', text: 'CVAT served an old file; task 17 is backed up by itself' },
  ],
}

test('a summary tells numbers, then notes, then failures with what to do about them', () => {
  expect(describeSummary(summary, '/backups')).toBe(
    [
      'Run r1: 4 entities in 2.0 s',
      '  2 backed up (1.0 MB), 1 unchanged, 0 with nothing to back up, 1 failed',
      '  NOTE project-10 "a\u{FFFD}b": CVAT served an old file; task 17 is backed up by itself',
      '  FAILED task-40 "loose": it broke',
      '         mend it',
      'Archives are in /backups',
      '',
    ].join('\n'),
  )
})

test('notes beyond the fiftieth are counted', () => {
  const notes = Array.from({ length: 60 }, () => summary.notes[0]!)
  expect(describeSummary({ ...summary, notes }, '/backups')).toContain("… and 10 more notes, in the run's record")
})
