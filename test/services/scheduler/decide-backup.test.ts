import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideBackup } from '#services/scheduler/decide-backup.ts'
import type { Subject } from '#services/scheduler/subject.ts'
import type { ChangeDigest } from '#shared/model/change-digest.ts'

const digest: ChangeDigest = {
  updatedDate: '2026-11-22T20:00:00.000001Z',
  taskCount: 2,
  newestTaskDate: '2026-11-22T20:00:00.000002Z',
  jobCount: 2,
  newestJobDate: '2026-11-22T20:00:00.000003Z',
}
const subject = (changes: Partial<Subject> = {}): Subject => ({
  entity: { type: 'project', id: 1 },
  name: 'x',
  project: undefined,
  organization: null,
  digest,
  size: undefined,
  ...changes,
})
const lastGood = { digest, createdAt: '2026-11-22T21:00:00.000Z' }

test('what has no good archive is backed up', () => {
  expect(decideBackup(subject(), undefined, false)).toMatchObject({
    action: 'backup',
    reason: expect.stringContaining('no good archive'),
  })
})

test('what looks as it did is not, and the archive is named', () => {
  expect(decideBackup(subject(), lastGood, false)).toEqual({
    action: 'skip',
    reason: `unchanged since its archive of ${lastGood.createdAt}`,
    uncovered: [],
  })
})

test('a full run backs up the unchanged too, but not a task without data', () => {
  expect(decideBackup(subject(), lastGood, true).action).toBe('backup')
  expect(decideBackup(subject({ size: 0 }), undefined, true).action).toBe('empty')
  expect(decideBackup(subject({ size: 0 }), lastGood, false).action).toBe('empty')
})

test('any difference in any number or date is a backup with that reason', () => {
  const change = fc.oneof(
    fc.record({ taskCount: fc.integer({ min: 3, max: 9 }) }),
    fc.record({ jobCount: fc.integer({ min: 3, max: 9 }) }),
    ...(['updatedDate', 'newestTaskDate', 'newestJobDate'] as const).map((field) =>
      fc.integer({ min: 100_000, max: 999_999 }).map((micros) => ({ [field]: `2026-11-22T20:00:00.${micros}Z` })),
    ),
    fc.record({ newestTaskDate: fc.constant(null) }),
    fc.record({ newestJobDate: fc.constant(null) }),
  )
  fc.assert(
    fc.property(change, (part) => {
      const decision = decideBackup(subject({ digest: { ...digest, ...part } }), lastGood, false)
      expect(decision.action).toBe('backup')
      expect(decision.reason).not.toBe('')
    }),
  )
})
