import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideBackup, type LastArchive } from '#services/scheduler/decide-backup.ts'
import type { Subject } from '#services/scheduler/subject.ts'
import { type ChangeDigest, coversTask } from '#shared/model/change-digest.ts'
import type { TaskObservation } from '#shared/model/observation.ts'

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
  workflow: undefined,
  size: undefined,
  frames: 0,
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
    // Without the ids of jobs, as in records of earlier versions, their dates have to tell.
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

test('where the ids of jobs are known, their dates are no reason for an export, and another job is one', () => {
  const known = { ...digest, newestJobId: 7 }
  const decide = (part: Partial<ChangeDigest>) =>
    decideBackup(subject({ digest: { ...known, ...part } }), { ...lastGood, digest: known }, false)
  expect(decide({ newestJobDate: '2026-11-23T20:00:00Z' }).action).toBe('skip')
  expect(decide({ newestJobId: 8 })).toMatchObject({ action: 'backup', reason: 'has another job (8)' })
  expect(decide({ newestJobId: null })).toMatchObject({ action: 'backup' })
})

describe('a project in whose archive CVAT served an old file', () => {
  const tasks = [17, 18, 19].map((id): TaskObservation => {
    const date = '2026-11-22T20:00:00.000001Z'
    return { id, name: 'x', subset: '', size: 3, updatedDate: date, jobCount: 1, newestJobDate: date }
  })
  const [first, second, third] = tasks as [TaskObservation, TaskObservation, TaskObservation]

  test('is unchanged, with the own archives of its tasks', () => {
    const last: LastArchive = { ...lastGood, stale: { covered: [first, second], uncovered: [] } }
    expect(decideBackup(subject(), last, false)).toEqual({
      action: 'skip',
      reason: `unchanged since its archive of ${lastGood.createdAt}, with tasks 17, 18 from their own archives`,
      uncovered: [],
    })
  })

  test('is not exported again for a task without one, but the task is', () => {
    const last: LastArchive = { ...lastGood, stale: { covered: [first], uncovered: [third] } }
    const { action, reason, uncovered } = decideBackup(subject(), last, false)
    expect({ action, uncovered }).toEqual({ action: 'skip', uncovered: [third] })
    expect(reason).toMatch(/with task 17 from its own archive; task 19 is to be backed up by itself$/)
  })

  test('is exported again, and no task by itself, when anything has changed or everything is asked for', () => {
    const last: LastArchive = { ...lastGood, stale: { covered: [], uncovered: tasks } }
    const changed = subject({ digest: { ...digest, jobCount: 3 } })
    expect(decideBackup(changed, last, false)).toMatchObject({ action: 'backup', uncovered: [] })
    expect(decideBackup(subject(), last, true)).toMatchObject({ action: 'backup', uncovered: [] })
  })

  test('a task is covered by an archive of just this state of it', () => {
    const archive = { name: 'old name', organization: 'acme', updatedDate: first.updatedDate, tasks: [first] }
    expect(coversTask(archive, first)).toBe(true)
    const later = '2026-11-22T20:00:00.000002Z'
    expect(coversTask(archive, { ...first, jobCount: 2 })).toBe(false)
    expect(coversTask(archive, { ...first, updatedDate: later })).toBe(false)
    expect(coversTask(archive, { ...first, newestJobDate: later })).toBe(false)
  })
})
